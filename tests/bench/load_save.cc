// links: DCMTK
// bench-load_save IN OUT: reads every DICOM file below IN with DCMTK and writes it to OUT, one process: what a tool on DCMTK pays before it does
// anything.
#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/oflog/oflog.h>

#include <cstdio>
#include <filesystem>

int main(int argc, char **argv) {
    if (argc != 3) {
        std::fputs("usage: bench-load_save IN OUT\n", stderr);
        return 2;
    }
    OFLog::configure(OFLogger::OFF_LOG_LEVEL);
    namespace fs = std::filesystem;
    int failed = 0;
    for (const auto &entry : fs::recursive_directory_iterator(argv[1])) {
        if (!entry.is_regular_file()) continue;
        const fs::path target = fs::path(argv[2]) / fs::relative(entry.path(), argv[1]);
        fs::create_directories(target.parent_path());
        DcmFileFormat file;
        if (file.loadFile(entry.path().c_str()).bad() || file.loadAllDataIntoMemory().bad() ||
            file.saveFile(target.c_str(), file.getDataset()->getOriginalXfer()).bad())
            failed++;
    }
    return failed == 0 ? 0 : 1;
}
