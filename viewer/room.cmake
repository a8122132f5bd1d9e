# Forms of regions are JSON; ICC profiles are Little CMS's.
lethe_pkg(LCMS lcms2)
target_link_libraries(lethe_viewer PRIVATE lethe::JANSSON lethe::LCMS Threads::Threads)
# The phantom project of tests/interop/viewer_*.sh.
if(LETHE_TESTS)
  add_executable(viewer_phantom ${CMAKE_SOURCE_DIR}/tests/interop/viewer_phantom.c)
  target_link_libraries(viewer_phantom PRIVATE lethe_annotate lethe_imaging lethe::LCMS m)
  # Goes into programs that are not built for a sanitizer too (env, timeout): it has none itself.
  add_library(keep_libraries MODULE ${CMAKE_SOURCE_DIR}/tests/support/keep_libraries.c)
  target_compile_options(keep_libraries PRIVATE -fno-sanitize=all)
  target_link_options(keep_libraries PRIVATE -fno-sanitize=all)
  set_target_properties(keep_libraries PROPERTIES PREFIX "" LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
endif()
