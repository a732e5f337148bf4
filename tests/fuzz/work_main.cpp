// SPDX-License-Identifier: MIT
// work TARGET_INPUTS...: a fuzz target run once on each file, each run counted by callgrind alone
// (linear.py reads the counts). A first run on nothing pays for what is done once per process.
#include <valgrind/callgrind.h>

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main(int argc, char** argv) {
    const std::vector<char*> names(argv + 1, argv + argc);
    const std::uint8_t nothing = 0;
    LLVMFuzzerTestOneInput(&nothing, 0);
    for (const char* name : names) {
        std::ifstream file(name, std::ios::binary);
        const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
        CALLGRIND_ZERO_STATS;
        LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
        CALLGRIND_DUMP_STATS_AT(name);
    }
    return 0;
}
