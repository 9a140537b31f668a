// Runs a fuzz target without a fuzzer: on nothing, on its seeds, and on the same few hundred inputs each time. So each
// target compiles in every build, and what was found once stays mended. usage: NAME CORPUS. Exit status: 0 all ran; a
// failed CHECK ends it, and the last line says on what.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

constexpr int kInvented = 300;
constexpr size_t kInventedMax = 96;  ///< bytes

void run(const std::string& name, const std::string& bytes) {
    std::printf("%s\n", name.c_str());
    std::fflush(stdout);
    (void)LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
}

}  // namespace

int main(int argc, char** argv) {
    run("nothing", {});
    std::vector<std::filesystem::path> seeds;
    std::error_code none;
    for (const auto& entry : std::filesystem::directory_iterator(argc > 1 ? argv[1] : "", none))
        seeds.push_back(entry.path());
    std::ranges::sort(seeds);
    for (const auto& seed : seeds) {
        std::ifstream in(seed, std::ios::binary);
        run(seed.string(), {std::istreambuf_iterator<char>(in), {}});
    }
    std::mt19937 random(1);  // the same on each machine
    for (int i = 0; i < kInvented; ++i) {
        std::string bytes(random() % (kInventedMax + 1), '\0');
        std::ranges::generate(bytes, [&] { return static_cast<char>(random()); });
        run("invented " + std::to_string(i), bytes);
    }
    return 0;
}
