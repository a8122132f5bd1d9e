/* Preloaded into the viewer when its leaks are looked for: the graphics driver stays in memory to the end, so that what it leaves behind carries its
 * name and can be told from what the viewer leaves behind (tests/lsan.supp). */
int dlclose(void *handle);

int dlclose(void *handle) {
    (void)handle;
    return 0;
}
