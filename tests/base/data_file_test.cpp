// Shipped files are looked for around the program, and a user whose files are gone learns where.
#include "base/data_file.h"

#include <gmock/gmock.h>

#include "base/platform.h"
#include "fulmar/error.h"

namespace fulmar {
namespace {

TEST(DataFile, AMissingFileNamesTheFoldersAndTheCure) {
  try {
    find_data_file("no-such-file.vocab");
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::not_found);
    EXPECT_THAT(error.what(), testing::HasSubstr("no-such-file.vocab was not found in"));
    EXPECT_THAT(error.what(), testing::HasSubstr((program_folder() / "models").string()));
    EXPECT_THAT(error.what(), testing::HasSubstr("set FULMAR_DATA"));
  }
}

}  // namespace
}  // namespace fulmar
