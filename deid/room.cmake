# The text detector goes over every pixel: let the compiler vectorise it.
set_source_files_properties(text_planes.c text_components.c text_detector.c PROPERTIES COMPILE_OPTIONS "$<$<NOT:$<BOOL:${LETHE_SANITIZE}>>:-O3>")
if(LETHE_TESTS)
  add_executable(lethe-text-features ${CMAKE_CURRENT_SOURCE_DIR}/tools/text_features.c)
  target_link_libraries(lethe-text-features PRIVATE lethe_deid)
endif()
target_link_libraries(lethe_deid PRIVATE lethe::JANSSON lethe::CYAML)
# Parts that are not in the tree yet: absent.c stands in for them and fails closed.
foreach(part burned_in review text vocabulary)
  if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${part}.c)
    string(TOUPPER LETHE_HAVE_${part} definition)
    target_compile_definitions(lethe_deid PRIVATE ${definition})
  endif()
endforeach()
