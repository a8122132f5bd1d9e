# Forms of regions are JSON.
target_link_libraries(lethe_viewer PRIVATE lethe::JANSSON Threads::Threads)
# The phantom project of tests/interop/viewer_*.sh.
if(LETHE_TESTS)
  add_executable(viewer_phantom ${CMAKE_SOURCE_DIR}/tests/interop/viewer_phantom.c)
  target_link_libraries(viewer_phantom PRIVATE lethe_imaging m)
endif()
