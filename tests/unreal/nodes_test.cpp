// The nodes of the Unreal plugin, compiled against a stand-in of the engine and run as a game runs them, frame by frame.
#include <gmock/gmock.h>

#include <chrono>
#include <future>
#include <thread>

#include "AskRMKV.h"
#include "MMKV_Server.h"
#include "SwitchModel.h"
#include "client/stand_in.h"

namespace fulmar::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string utf8(const FString& text) {
  return FTCHARToUTF8(*text).Get();
}
FString unreal(const std::string& text) {
  FString out;
  const FUTF8ToTCHAR converted(text.data(), static_cast<int32>(text.size()));
  out.AppendChars(converted.Get(), converted.Length());
  return out;
}

// What a node's pins were told, as a Blueprint hears it, all on this thread.
struct Heard {
  std::vector<std::string> stream, succeeded, failed;
  std::thread::id thread = std::this_thread::get_id();

  auto into(std::vector<std::string> Heard::* pin) {
    return [this, pin](const FString& text) {
      EXPECT_EQ(std::this_thread::get_id(), thread) << "the game thread";
      (this->*pin).push_back(utf8(text));
    };
  }
  bool frames_until_ended() {
    for (int i = 0; i < 3000 && succeeded.empty() && failed.empty(); ++i) {
      FTSTicker::GetCoreTicker().frame();
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return !succeeded.empty() || !failed.empty();
  }
};

UAskRMKV* ask(UMMKV_Server* server, const FRWKVSetting& setting, Heard& heard) {
  UAskRMKV* node = UAskRMKV::AskRMKV(server, setting);
  node->OnStream.listen(heard.into(&Heard::stream));
  node->OnSucceeded.listen(heard.into(&Heard::succeeded));
  node->OnFailed.listen(heard.into(&Heard::failed));
  node->Activate();
  return node;
}

FRWKVSetting hi() {
  FRWKVSetting setting;
  setting.messageMap.Add(TEXT("system"), TEXT("Be brief."));
  setting.messageMap.Add(TEXT("user"), TEXT("Gr\u00fc\u00df \U0001F600"));
  return setting;
}

TEST(UnrealNodes, AskAsAsyncHttpDoesAndAreToldOnTheGameThread) {
  std::string sent;
  const StandIn stand_in([&](Peer& peer) {
    sent = peer.request();
    peer.send(stream_head() + delta("\xe4\xb8\x96\xe7") + delta("\x95\x8c \xf0\x9f\x98\x80") + std::string(finish) + std::string(done));
  });
  UMMKV_Server* server = UMMKV_Server::NewRMKV(TEXT("127.0.0.1"), unreal(stand_in.port()), TEXT("key"));
  Heard heard;
  UAskRMKV* node = ask(server, hi(), heard);
  ASSERT_TRUE(heard.frames_until_ended());
  EXPECT_THAT(heard.succeeded, ElementsAre("\xe4\xb8\x96\xe7\x95\x8c \xf0\x9f\x98\x80"));
  std::string streamed;
  for (const std::string& piece : heard.stream) streamed += piece;
  EXPECT_EQ(streamed, heard.succeeded[0]);
  EXPECT_THAT(sent, HasSubstr("Authorization: Bearer key\r\n"));
  EXPECT_THAT(sent, testing::EndsWith("{\"model\":\"rwkv\",\"stream\":true,\"temperature\":1.2,\"top_p\":0.9,\"presence_penalty\":0.6,"
                                      "\"frequency_penalty\":0,\"n\":1,\"max_tokens\":2048,\"messages\":[{\"role\":\"system\",\"content\":\"Be brief.\"},"
                                      "{\"role\":\"user\",\"content\":\"Gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80\"}]}"));
  stand_in_collect(node);
  stand_in_collect(server);
  EXPECT_EQ(FTSTicker::GetCoreTicker().size(), 0u);
}

TEST(UnrealNodes, SwitchModelsAndCloseServers) {
  std::string switched;
  std::promise<void> closed;
  const StandIn stand_in([&](Peer& peer) {
    std::string request = peer.request();
    if (request.find("POST /exit ") == 0) return closed.set_value();
    switched = std::move(request);
    peer.send(json_response(200, "\"success\""));
  });
  UMMKV_Server* server = UMMKV_Server::NewRMKV(TEXT("127.0.0.1"), unreal(stand_in.port()));
  Heard heard;
  USwitchModel* node = USwitchModel::SwitchModel(server, TEXT("models/a.pth"), TEXT("cuda fp32"), 21);
  node->OnSucceeded.listen(heard.into(&Heard::succeeded));
  node->OnFailed.listen(heard.into(&Heard::failed));
  node->Activate();
  ASSERT_TRUE(heard.frames_until_ended());
  EXPECT_THAT(heard.succeeded, ElementsAre("success"));
  EXPECT_THAT(switched, HasSubstr("{\"model\":\"models/a.pth\",\"strategy\":\"cuda fp32 *21+\"}"));
  server->CloseServer();
  EXPECT_EQ(closed.get_future().wait_for(std::chrono::seconds(30)), std::future_status::ready);
  stand_in_collect(node);
  stand_in_collect(server);
}

TEST(UnrealNodes, TellWhyAskingFailed) {
  Heard without;
  ask(nullptr, hi(), without);
  EXPECT_THAT(without.failed, ElementsAre(HasSubstr("AskRMKV needs a server")));
  UMMKV_Server* server = UMMKV_Server::NewRMKV(TEXT("127.0.0.1"), TEXT("no port"));
  Heard heard;
  ask(server, hi(), heard);
  ASSERT_TRUE(heard.frames_until_ended());
  EXPECT_THAT(heard.failed, ElementsAre(HasSubstr("invalid: the port must be a number")));
  stand_in_collect(server);
  stand_in_objects().clear();
}

TEST(UnrealNodes, MayBeCancelledAndMayVanishWhileTheyWait) {
  const StandIn stand_in([](Peer& peer) {
    peer.request();
    peer.send(stream_head() + delta("x"));
    peer.wait_until_gone();
  });
  UMMKV_Server* server = UMMKV_Server::NewRMKV(TEXT("127.0.0.1"), unreal(stand_in.port()));
  Heard cancelled, gone;
  UAskRMKV* node = ask(server, hi(), cancelled);
  UAskRMKV* vanishing = ask(server, hi(), gone);
  stand_in_collect(vanishing);
  node->Cancel();
  ASSERT_TRUE(cancelled.frames_until_ended());
  EXPECT_THAT(cancelled.failed, ElementsAre("cancelled: it was cancelled"));
  EXPECT_THAT(gone.stream, IsEmpty());
  server->BeginDestroy();
  node->Cancel();  // of a server that is being destroyed
  stand_in_objects().clear();
}

}  // namespace
}  // namespace fulmar::test
