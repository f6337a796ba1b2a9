// Opens what must be refused; see hostile.h.
#include "weights/hostile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weights/source.h"
#include "weights/writers.h"

namespace fulmar::test {

void expect_refused(const Hostile& file) {
  SCOPED_TRACE(file.name);
  static const TempFile temporary("", "hostile.bin");
  temporary.rewrite(file.bytes);
  try {
    const SourcePtr source = open_weights(temporary.path());
    for (const std::string& name : source->names()) source->load(name);
    source->vocabulary();
    ADD_FAILURE() << "the file was taken for a good one";
  } catch (const Error& error) {
    const std::string what = error.what();
    EXPECT_EQ(error.kind(), file.kind) << what;
    EXPECT_THAT(what, testing::StartsWith(temporary.path().string() + ": "));
    EXPECT_THAT(what, testing::HasSubstr(file.message));
    EXPECT_LT(what.size(), 700u) << "a message is one readable sentence";
  }
}

}  // namespace fulmar::test
