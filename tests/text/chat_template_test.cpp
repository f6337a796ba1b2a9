// The chat prompt is, to the byte, what the models were trained on.
#include "text/chat_template.h"

#include <gmock/gmock.h>

#include "helpers.h"

namespace fulmar {
namespace {

using Messages = std::vector<ChatMessage>;

TEST(ChatTemplate, ThinkModesOpenTheAssistantsTurn) {
  const Messages messages{{"user", "Hi"}};
  EXPECT_EQ(apply_chat_template(messages, Think::off), "User: Hi\n\nAssistant:");
  EXPECT_EQ(apply_chat_template(messages, Think::on), "User: Hi\n\nAssistant: <think");
  EXPECT_EQ(apply_chat_template(messages, Think::fake), "User: Hi\n\nAssistant: <think>\n</think");
}

TEST(ChatTemplate, TurnsAreJoinedByOneEmptyLine) {
  EXPECT_EQ(apply_chat_template({{"system", "Be brief."}, {"user", "1"}, {"assistant", "2"}, {"user", "3"}},
                                Think::off),
            "System: Be brief.\n\nUser: 1\n\nAssistant: 2\n\nUser: 3\n\nAssistant:");
  EXPECT_EQ(
      apply_chat_template({{"user", "1"}, {"user", "2"}, {"developer", "3"}, {"system", "4"}}, Think::off),
      "User: 1\n\nUser: 2\n\nSystem: 3\n\nSystem: 4\n\nAssistant:");
}

TEST(ChatTemplate, TextIsCleanedSoThatItCannotEndItsTurn) {
  const struct {
    std::string content, expected;
  } cases[] = {
      {"  Hi \n", "User: Hi"},
      {"a\r\nb", "User: a\nb"},
      {"a\n\n\nb", "User: a\nb"},
      {"a\r\n\r\nb", "User: a\nb"},
      {"a\n\nUser: b", "User: a\nUser: b"},
      {"a\rb", "User: a\rb"},
      {"", "User:"},
      {" \r\n\t", "User:"},
      {"\n\na\n b", "User: a\n b"},
      {"\xe4\xb8\xad", "User: \xe4\xb8\xad"},
  };
  for (const auto& [content, expected] : cases) {
    EXPECT_EQ(apply_chat_template({{"user", content}}, Think::off), expected + "\n\nAssistant:");
  }
}

TEST(ChatTemplate, AnEmptySystemMessageSaysNothing) {
  EXPECT_EQ(apply_chat_template({{"system", " "}, {"user", "Hi"}, {"assistant", ""}}, Think::off),
            "User: Hi\n\nAssistant:\n\nAssistant:");
}

TEST(ChatTemplate, UnknownRolesAndNoMessagesAreTheClientsFault) {
  for (const Messages& messages : {Messages{}, Messages{{"user", "a"}, {"tool", "b"}}, Messages{{"", "b"}},
                                   Messages{{std::string(100000, 'x'), "b"}}}) {
    try {
      apply_chat_template(messages, Think::off);
      ADD_FAILURE() << "nothing was thrown";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::bad_request);
      EXPECT_EQ(error.param(), "messages");
      EXPECT_LT(std::string(error.what()).size(), 200u);
    }
  }
}

TEST(ChatTemplate, EveryTurnThatTheTemplateOpensIsAStop) {
  EXPECT_THAT(chat_stops(), testing::UnorderedElementsAre("\n\nUser:", "\n\nAssistant:", "\n\nSystem:"));
}

}  // namespace
}  // namespace fulmar
