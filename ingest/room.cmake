# DICOMweb as a client.
lethe_pkg(CURL libcurl)
target_link_libraries(lethe_ingest PRIVATE lethe::CURL)
