// The first table of docs/formats.md says what is measured here: bits a weight, and what rounding takes off.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <cmath>
#include <fstream>
#include <map>
#include <random>
#include <sstream>

#include "weights/source.h"

namespace fulmar {
namespace {

const std::filesystem::path root = FULMAR_SOURCE_DIR;

struct Row {
  double bits, normal, demo;
};

// | `q4_0` | codes | scale | 4.5 | 0.0859 | 0.0882 |
std::map<std::string, Row> documented() {
  std::map<std::string, Row> rows;
  std::ifstream file(root / "docs" / "formats.md");
  for (std::string line; std::getline(file, line);) {
    std::vector<std::string> cells;
    std::istringstream words(line);
    for (std::string cell; std::getline(words, cell, '|');) cells.push_back(cell);
    if (cells.size() != 9 || cells[1].find('`') == cells[1].npos) continue;
    const auto begin = cells[1].find('`') + 1;
    rows[cells[1].substr(begin, cells[1].find('`', begin) - begin)] = {
        std::stod(cells[4]), std::stod(cells[5]), std::stod(cells[6])};
  }
  return rows;
}

// The squares of what a format takes off, and of the weights themselves.
struct Squares {
  double lost = 0, all = 0;
  double error() const { return std::sqrt(lost / all); }
};

void measure(Format format, std::span<const float> values, uint64_t K, Squares& squares) {
  const uint64_t N = values.size() / K;
  std::vector<std::byte> bytes(info(format).matrix_bytes(N, K));
  std::vector<float> row(K);
  for (uint64_t n = 0; n < N; ++n) {
    info(format).encode_row(bytes.data(), N, K, n, values.data() + n * K);
    info(format).decode_row(bytes.data(), N, K, n, row.data());
    for (uint64_t k = 0; k < K; ++k) {
      const double value = values[n * K + k], off = row[k] - value;
      squares.lost += off * off, squares.all += value * value;
    }
  }
}

TEST(DocumentedFormats, TheTableHoldsWhatIsMeasured) {
  constexpr uint64_t K = 256, N = 512;
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<float> numbers(N * K);
  for (float& number : numbers) number = normal(random);
  const SourcePtr model = open_weights(root / "models" / "fulmar-demo.safetensors");
  const std::map<std::string, Row> rows = documented();

  for (const Format format : matrix_formats()) {
    const std::string name(info(format).precision);
    if (format == Format::f32) continue;  // which takes nothing off
    SCOPED_TRACE(name);
    ASSERT_TRUE(rows.contains(name)) << "docs/formats.md does not list it";
    Squares of_normal, of_demo;
    measure(format, numbers, K, of_normal);
    for (const std::string& tensor : model->names()) {
      const Tensor matrix = model->load(tensor);
      if (matrix.shape.size() != 2) continue;
      const std::vector<float> values = to_floats(matrix);
      measure(format, std::span(values).first(values.size() / K * K), K, of_demo);
    }
    // A row's scale of 4 bytes is spread over the row, which the table leaves out.
    const double bits = 8.0 * static_cast<double>(info(format).matrix_bytes(1 << 8, 1 << 14)) / (1 << 22);
    const Row& row = rows.at(name);
    const std::string line =
        fmt::format("{:.4f} | {:.4f} | {:.4f}", bits, of_normal.error(), of_demo.error());
    EXPECT_NEAR(row.bits, bits, 0.003) << line;
    EXPECT_NEAR(row.normal, of_normal.error(), of_normal.error() / 50 + 5e-5) << line;
    EXPECT_NEAR(row.demo, of_demo.error(), of_demo.error() / 50 + 5e-5) << line;
  }
}

}  // namespace
}  // namespace fulmar
