# Forms of regions are JSON.
target_link_libraries(lethe_viewer PRIVATE lethe::JANSSON Threads::Threads)
