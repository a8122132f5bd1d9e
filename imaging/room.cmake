# The data dictionary's tables, made at build time from DCMTK's installed dictionary (part of libdcmtk17, which libdcmtk-dev needs).
find_package(Python3 COMPONENTS Interpreter REQUIRED)
file(GLOB LETHE_DICTIONARY_FOLDERS /usr/share/libdcmtk*)
list(APPEND LETHE_DICTIONARY_FOLDERS /usr/share/dcmtk /usr/local/share/dcmtk)
find_path(LETHE_DICTIONARY_FOLDER dicom.dic PATHS ${LETHE_DICTIONARY_FOLDERS} NO_DEFAULT_PATH REQUIRED)
set(LETHE_DICTIONARY_TABLE ${CMAKE_BINARY_DIR}/generated/imaging/dicom/dictionary_table.h)
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/generated/imaging/dicom)
add_custom_command(
  OUTPUT ${LETHE_DICTIONARY_TABLE}
  COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/dicom/dictionary_generate.py ${LETHE_DICTIONARY_FOLDER}/dicom.dic
          ${LETHE_DICTIONARY_FOLDER}/private.dic ${CMAKE_CURRENT_SOURCE_DIR}/dicom/dictionary_newer.txt ${LETHE_DICTIONARY_TABLE}
  DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/dicom/dictionary_generate.py ${CMAKE_CURRENT_SOURCE_DIR}/dicom/dictionary_newer.txt ${LETHE_DICTIONARY_FOLDER}/dicom.dic ${LETHE_DICTIONARY_FOLDER}/private.dic
  VERBATIM)
target_sources(lethe_imaging PRIVATE ${LETHE_DICTIONARY_TABLE})
# Decodes frames for comparison with other decoders (tests/interop/pixels_decode.sh).
if(LETHE_TESTS)
  add_executable(lethe-pixels-dump ${CMAKE_SOURCE_DIR}/tests/interop/pixels_dump.c)
  target_link_libraries(lethe-pixels-dump PRIVATE lethe_imaging)
  # Writes JPEG 2000 as other encoders do (tests/interop/pixels_odd.sh).
  add_executable(lethe-pixels-j2k ${CMAKE_SOURCE_DIR}/tests/interop/pixels_j2k.c)
  target_link_libraries(lethe-pixels-j2k PRIVATE lethe::OPENJPEG)
endif()

# Character sets, from Python's codecs.
set(LETHE_CHARSET_TABLE ${CMAKE_BINARY_DIR}/generated/imaging/dicom/charset_table.h)
add_custom_command(
  OUTPUT ${LETHE_CHARSET_TABLE}
  COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/dicom/charset_generate.py ${LETHE_CHARSET_TABLE}
  DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/dicom/charset_generate.py
  VERBATIM)
target_sources(lethe_imaging PRIVATE ${LETHE_CHARSET_TABLE})

# Where Zstandard tiles end (libtiff brings the library along).
lethe_pkg(ZSTD libzstd)
target_link_libraries(lethe_imaging PRIVATE lethe::ZSTD)
