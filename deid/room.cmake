# The text detector goes over every pixel: let the compiler vectorise it.
if(NOT LETHE_SANITIZE)
  set_source_files_properties(pixels/text_planes.c pixels/text_gate.c pixels/text_components.c pixels/text_detector.c pixels/text_picture.c pixels/text_network.c pixels/text_lines.c PROPERTIES COMPILE_OPTIONS "-O3")
endif()
if(LETHE_TESTS)
  add_executable(lethe-text-features ${CMAKE_CURRENT_SOURCE_DIR}/pixels/tools/text_features.c)
  target_link_libraries(lethe-text-features PRIVATE lethe_deid)
  add_executable(lethe-text-train ${CMAKE_CURRENT_SOURCE_DIR}/pixels/tools/text_network_train.c)
  target_compile_options(lethe-text-train PRIVATE -O3 -ffast-math)
  target_link_libraries(lethe-text-train PRIVATE m)
  add_executable(lethe-text-train-judge ${CMAKE_CURRENT_SOURCE_DIR}/pixels/tools/text_network_train.c)
  target_compile_definitions(lethe-text-train-judge PRIVATE TEXT_JUDGE)
  target_compile_options(lethe-text-train-judge PRIVATE -O3 -ffast-math)
  target_link_libraries(lethe-text-train-judge PRIVATE m)
endif()
target_link_libraries(lethe_deid PRIVATE lethe::JANSSON lethe::CYAML)

# The words that text cleaning knows: our lists, attribute names (LETHE_DICTIONARY_FOLDER: imaging/room.cmake), code meanings, plain English.
find_package(Python3 COMPONENTS Interpreter REQUIRED)
set(LETHE_VOCABULARY_TABLE ${CMAKE_BINARY_DIR}/generated/deid/text/vocabulary_table.h)
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/generated/deid/text)
find_path(LETHE_CODES_FOLDER dcm.h PATH_SUFFIXES dcmtk/dcmsr/codes REQUIRED)
find_file(LETHE_ENGLISH_WORDS american-english-small PATHS /usr/share/dict REQUIRED)
file(GLOB LETHE_WORD_LISTS CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/text/vocabulary/*.txt)
add_custom_command(
  OUTPUT ${LETHE_VOCABULARY_TABLE}
  COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/text/vocabulary_generate.py ${LETHE_DICTIONARY_FOLDER}/dicom.dic
          ${LETHE_CODES_FOLDER} ${LETHE_ENGLISH_WORDS} ${CMAKE_CURRENT_SOURCE_DIR}/text/vocabulary ${LETHE_VOCABULARY_TABLE}
  DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/text/vocabulary_generate.py ${LETHE_WORD_LISTS}
  VERBATIM)
target_sources(lethe_deid PRIVATE ${LETHE_VOCABULARY_TABLE})
