# Ready schemas are found by name: below the installed share folder, or in the source tree when run from a build folder.
target_compile_definitions(lethe_annotate PRIVATE LETHE_SCHEMA_FOLDERS="${CMAKE_INSTALL_PREFIX}/share/lethe/schemas:${CMAKE_SOURCE_DIR}/annotate/schemas")
install(DIRECTORY ${CMAKE_SOURCE_DIR}/annotate/schemas DESTINATION share/lethe)
