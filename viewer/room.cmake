# Forms of regions are JSON; ICC profiles are Little CMS's.
lethe_pkg(LCMS lcms2)
target_link_libraries(lethe_viewer PRIVATE lethe::JANSSON lethe::LCMS Threads::Threads)
# The phantom project of tests/interop/viewer_*.sh.
if(LETHE_TESTS)
  add_executable(viewer_phantom ${CMAKE_SOURCE_DIR}/tests/interop/viewer_phantom.c)
  target_link_libraries(viewer_phantom PRIVATE lethe_annotate lethe_imaging lethe::LCMS m)
endif()
