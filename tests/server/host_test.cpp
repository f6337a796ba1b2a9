// The host of models: what is found while models come and go.
#include "host/host.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <future>

#include "base/fail.h"
#include "server/harness.h"

namespace fulmar::test {
namespace {

namespace fs = std::filesystem;
using host::Host;
using host::HostOptions;
using host::Presence;
using host::ServedPtr;
using testing::ElementsAre;
using testing::HasSubstr;

// A host of fakes. Files called "broken" cannot be loaded, "lost" for want of another file, those called "large" not beside others, "blocked" loads when it
// may.
struct Models {
  explicit Models(uint32_t most = 1, bool with_shelf = false, double idle = 0) {
    set_log_level("off");
    folder = fs::temp_directory_path() / fmt::format("host_test_{}", static_cast<const void*>(this));
    fs::create_directories(folder);
    for (const char* name : {"a.pth", "b.pth", "c.pth", "broken.pth", "large.pth", "large_broken.pth", "lost.pth"}) std::ofstream(folder / name) << "x";
    options.most = most;
    options.idle_seconds = idle;
    options.grace_seconds = 20;
    if (with_shelf) options.folders.models = folder.string();
    options.make = [this](const EngineOptions& wanted) -> std::unique_ptr<Engine> {
      const std::string name = fs::path(wanted.model.file).stem().string();
      if (name == "blocked") may_load.get_future().wait();
      if (wanted.model.progress) wanted.model.progress(1, 2);
      if (name == "lost") fail(ErrorKind::not_found, "{}: no such vocabulary file", (fs::canonical(folder) / "lost.vocab").string());
      if (name.ends_with("broken")) fail(ErrorKind::bad_file, "{} is broken", name);
      FakeOptions fake;
      fake.id = wanted.model.name.empty() ? name : wanted.model.name;
      fake.step = std::chrono::milliseconds(1);
      ++made;
      return std::make_unique<FakeEngine>(fake);
    };
    options.fits = [](const EngineOptions& wanted) {
      if (wanted.model.file.find("no_such") != std::string::npos) fail(ErrorKind::bad_file, "there is no such file");
      return wanted.model.file.find("large") == std::string::npos;
    };
    host = std::make_unique<Host>(options);
  }
  ~Models() {
    host.reset();
    fs::remove_all(folder);
  }

  static ModelSpec spec(const std::string& name) {
    ModelSpec spec;
    spec.file = name + ".pth";
    spec.name = name;
    return spec;
  }
  std::future<std::string> begin(const std::string& name, double grace = 20) {
    auto said = std::make_shared<std::promise<std::string>>();
    host->load(spec(name), grace, [said](const std::exception_ptr& failure) { said->set_value(words(failure)); });
    return said->get_future();
  }
  // What went wrong, or nothing.
  std::string load(const std::string& name, double grace = 20) { return begin(name, grace).get(); }
  static std::string words(const std::exception_ptr& failure) {
    if (!failure) return {};
    try {
      std::rethrow_exception(failure);
    } catch (const std::exception& error) {
      return error.what();
    }
  }
  ErrorKind why_not(std::string_view name) const {
    try {
      host->find(name);
    } catch (const host::NotResident&) {
      return ErrorKind::busy;  // only here: it is on its way
    } catch (const Error& error) {
      return error.kind();
    }
    ADD_FAILURE() << name << " is found";
    return ErrorKind::internal;
  }
  std::string wait_for(const std::string& id) {
    std::promise<std::string> said;
    host->when_resident(id, [&](const std::exception_ptr& failure) { said.set_value(words(failure)); });
    return said.get_future().get();
  }
  std::vector<std::string> residents() const {
    std::vector<std::string> ids;
    for (const host::Listed& listed : host->list())
      if (listed.presence == Presence::resident) ids.push_back(listed.id);
    return ids;
  }

  fs::path folder;
  HostOptions options;
  std::promise<void> may_load;
  std::atomic<int> made{0};
  std::unique_ptr<Host> host;
};

TEST(Host, WithoutAShelfEveryNameIsTheCurrentModel) {
  Models models;
  EXPECT_EQ(models.why_not(""), ErrorKind::unavailable);
  EXPECT_EQ(models.load("a"), "");
  for (const char* name : {"", "a", "gpt-4o"}) EXPECT_EQ(models.host->find(name)->id, "a");
  EXPECT_EQ(models.load("b"), "");
  EXPECT_EQ(models.host->find("a")->id, "b");
  EXPECT_THAT(models.residents(), ElementsAre("b"));
}

TEST(Host, WhatIsWrongWithAFileCostsNobodyHisModel) {
  Models models;
  ASSERT_EQ(models.load("a"), "");
  const ServedPtr before = models.host->find("");
  EXPECT_EQ(models.load("no_such"), "there is no such file");
  EXPECT_EQ(models.load("broken"), "broken is broken");
  EXPECT_EQ(models.host->find("")->engine, before->engine);
  EXPECT_EQ(models.host->trouble(), "");
}

TEST(Host, WhereMemoryDoesNotHoldBothTheOldModelGoesFirstAndComesBackAfterAFailure) {
  Models models;
  ASSERT_EQ(models.load("a"), "");
  EXPECT_EQ(models.load("large"), "");
  EXPECT_EQ(models.host->find("")->id, "large");
  EXPECT_EQ(models.load("large_broken"), "large_broken is broken; the model large, which had to go for it, was loaded again");
  EXPECT_EQ(models.host->find("")->id, "large");
  EXPECT_EQ(models.made, 3);
}

TEST(Host, ASecondLoadIsRefusedWhileOneIsUnderWay) {
  Models models;
  auto first = models.begin("blocked");
  ASSERT_TRUE(eventually([&] { return models.host->list().size() == 1; }));
  EXPECT_EQ(models.host->list()[0].presence, Presence::loading);
  EXPECT_THAT(models.host->trouble(), HasSubstr("loading"));
  try {
    models.begin("a");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::busy);
    EXPECT_THAT(error.what(), HasSubstr("blocked"));
  }
  EXPECT_THROW(models.host->unload("", 0, [](const std::exception_ptr&) {}), Error);
  models.may_load.set_value();
  EXPECT_EQ(first.get(), "");
  EXPECT_EQ(models.host->find("")->id, "blocked");
}

struct Heard final : Sink {
  void on_event(const Event& event) override {
    if (event.finish == Finish::none) return;
    finish = event.finish;
  }
  std::atomic<Finish> finish{Finish::none};
};

TEST(Host, AnAnswerUnderWayEndsWithItsModelBeforeThatGoes) {
  Models models;
  ASSERT_EQ(models.load("a"), "");
  ServedPtr held = models.host->find("");
  auto load = models.begin("b");
  // The new one serves while the old one is held.
  ASSERT_TRUE(eventually([&] { return models.host->find("")->id == "b"; }));
  EXPECT_EQ(load.get(), "");
  EXPECT_EQ(models.load("c"), "") << "the grace of one load is no other's affair";
  Request request;
  PromptInput input;
  input.text = "say on";
  request.prompt = held->engine->prepare(input);
  const auto heard = std::make_shared<Heard>();
  held->engine->submit({{std::move(request), {heard}}});
  EXPECT_TRUE(eventually([&] { return heard->finish == Finish::stop; }));
  const std::weak_ptr<Engine> engine = held->engine;
  held.reset();
  EXPECT_TRUE(eventually([&] { return engine.expired(); }));
}

TEST(Host, AfterTheGraceWhatIsLeftIsCancelled) {
  Models models;
  ASSERT_EQ(models.load("a"), "");
  ServedPtr held = models.host->find("");
  auto load = models.begin("b", 0.05);
  ASSERT_TRUE(eventually([&] { return !held->engine->trouble().empty(); }));
  EXPECT_THAT(held->engine->trouble(), HasSubstr("the model a was unloaded"));
  held.reset();
  EXPECT_EQ(load.get(), "");
}

TEST(Host, OfAShelfANameIsTheModelOrNone) {
  Models models(2, true);
  EXPECT_EQ(models.why_not(""), ErrorKind::bad_request) << "nobody loads one, and to ask again would not help";
  EXPECT_EQ(models.host->trouble(), "") << "requests may name a model";
  EXPECT_EQ(models.host->current(), nullptr);
  EXPECT_EQ(models.why_not("gpt-4o"), ErrorKind::not_found);
  EXPECT_EQ(models.why_not("a"), ErrorKind::busy);
  EXPECT_EQ(models.wait_for("a"), "");
  EXPECT_EQ(models.host->find("a")->id, "a");
  EXPECT_EQ(models.host->find("")->id, "a");
  EXPECT_EQ(models.wait_for("b"), "");
  EXPECT_EQ(models.host->find("")->id, "a") << "who names no model keeps his";
  models.host->find("a");
  EXPECT_EQ(models.wait_for("c"), "");
  EXPECT_THAT(models.residents(), ElementsAre("a", "c")) << "b was asked for longest ago";
  EXPECT_EQ(models.wait_for("broken"), "broken is broken");
  EXPECT_EQ(models.host->find_or_current("rwkv7")->id, "a");
  EXPECT_THROW(models.host->find_or_current("b"), host::NotResident) << "it is on the shelf, and another must not answer for it";
  std::vector<std::string> failed;
  for (const host::Listed& listed : models.host->list())
    if (listed.presence == Presence::failed) failed.push_back(listed.id + ": " + listed.trouble);
  EXPECT_THAT(failed, ElementsAre("broken: broken is broken"));
}

TEST(Host, WhoNamesNoModelIsAskedToComeBackOnlyWhileOneIsOnItsWay) {
  Models models(1, true);
  const auto refusal = [&] {
    try {
      models.host->find("");
    } catch (const Error& error) {
      return std::pair(error.kind(), error.param());
    }
    return std::pair(ErrorKind::internal, std::string("found"));
  };
  EXPECT_EQ(refusal(), std::pair(ErrorKind::bad_request, std::string("model")));
  std::future<std::string> load = models.begin("blocked");
  EXPECT_EQ(refusal().first, ErrorKind::unavailable);
  models.may_load.set_value();
  EXPECT_EQ(load.get(), "");
  EXPECT_EQ(models.host->find("")->id, "blocked");
}

TEST(Host, WhatAModelLacksIsItsOwnErrorAndGivesNoFolderAway) {
  Models models(1, true);
  std::promise<std::exception_ptr> said;
  models.host->when_resident("lost", [&](const std::exception_ptr& failure) { said.set_value(failure); });
  try {
    std::rethrow_exception(said.get_future().get());
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_file) << "there is such a model";
    EXPECT_STREQ(error.what(), "lost.vocab: no such vocabulary file");
  }
  for (const host::Listed& listed : models.host->list()) EXPECT_THAT(listed.trouble, testing::Not(HasSubstr("/"))) << listed.id;
}

TEST(Host, ManyThatWaitForOneModelLoadItOnce) {
  Models models(1, true);
  std::atomic<int> done{0};
  for (int i = 0; i < 20; ++i) models.host->when_resident("a", [&](const std::exception_ptr& failure) { done += !failure; });
  EXPECT_TRUE(eventually([&] { return done == 20; }));
  EXPECT_EQ(models.made, 1);
  EXPECT_THROW(models.host->when_resident("x", [](const std::exception_ptr&) {}), Error);
}

TEST(Host, IdleModelsGoAndComeBackWhenAsked) {
  Models models(2, true, 0.05);
  ASSERT_EQ(models.wait_for("a"), "");
  ServedPtr held = models.host->find("a");
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_THAT(models.residents(), ElementsAre("a")) << "it is in use";
  held.reset();
  EXPECT_TRUE(eventually([&] { return models.residents().empty(); }));
  EXPECT_EQ(models.why_not(""), ErrorKind::busy) << "the current model is on its way again";
  EXPECT_EQ(models.wait_for("a"), "");
}

TEST(Host, NamesLiveAsLongAsTheirModel) {
  Models models;
  EXPECT_THROW(models.host->name({}), Error);
  ASSERT_EQ(models.load("a"), "");
  host::Served entry;
  entry.id = "a tuned";
  entry.usual.temperature = 0.5F;
  models.host->name(entry);
  EXPECT_EQ(models.host->find("a tuned")->usual.temperature, 0.5F);
  EXPECT_EQ(models.host->find("a tuned")->engine, models.host->find("")->engine);
  models.host->forget_names();
  EXPECT_EQ(models.host->find("a tuned")->id, "a");
  models.host->name(entry);
  ASSERT_EQ(models.load("b"), "");
  EXPECT_TRUE(models.host->names().empty());
  entry.engine = std::make_shared<FakeEngine>();
  EXPECT_THROW(models.host->name(entry), Error) << "it was made for a model that is no longer there";
}

TEST(Host, WhatAModelIsLoadedWithIsItsNamesToo) {
  Models models;
  host::Usual usual;
  usual.top_p = 0.25F;
  std::promise<std::string> said;
  models.host->load(Models::spec("a"), 20, [&](const std::exception_ptr& failure) { said.set_value(Models::words(failure)); }, usual);
  ASSERT_EQ(said.get_future().get(), "");
  host::Served entry;
  entry.id = "a tuned";
  models.host->name(entry);
  for (const char* name : {"", "a tuned"}) EXPECT_EQ(models.host->find(name)->base.top_p, 0.25F) << name;
  ASSERT_EQ(models.load("a"), "");
  EXPECT_FALSE(models.host->find("")->base.top_p) << "nothing of the load before";
}

TEST(Host, AModelThatWasUnloadedIsNone) {
  Models models;
  ASSERT_EQ(models.load("a"), "");
  std::promise<std::string> said;
  models.host->unload("", 1, [&](const std::exception_ptr& failure) { said.set_value(Models::words(failure)); });
  EXPECT_EQ(said.get_future().get(), "");
  EXPECT_EQ(models.why_not(""), ErrorKind::unavailable);
  EXPECT_THROW(models.host->unload("", 1, [](const std::exception_ptr&) {}), Error);
}

TEST(Host, WhereTheCurrentModelWasUnloadedTheOneAskedLastTakesItsPlace) {
  Models models(3, true);
  for (const char* id : {"a", "b", "c"}) ASSERT_EQ(models.wait_for(id), "");
  models.host->find("b");
  std::promise<std::string> said;
  models.host->unload("a", 1, [&](const std::exception_ptr& failure) { said.set_value(Models::words(failure)); });
  ASSERT_EQ(said.get_future().get(), "");
  EXPECT_EQ(models.host->find("")->id, "b");
}

TEST(Host, OnesFailureIsNotAnothersReason) {
  Models models(1, true);
  EXPECT_EQ(models.wait_for("broken"), "broken is broken");
  EXPECT_EQ(models.host->why_none().find("broken"), std::string::npos);
  EXPECT_EQ(models.load("broken"), "broken is broken");
  EXPECT_EQ(models.host->why_none(), "broken is broken");
}

TEST(Shelf, NamesLeadIntoTheFolderOrNowhere) {
  const Models models(1, true);
  const host::Shelf& shelf = models.host->shelf();
  const std::string folder = fs::canonical(models.folder).string(), own = fs::path(folder).filename().string();
  const auto find = [&](std::string_view name) { return shelf.find(name, host::Kind::model, "model"); };
  const std::string outside = folder + "_outside.pth";
  std::ofstream(outside) << "x";
  fs::create_symlink(outside, models.folder / "link.pth");
  fs::create_symlink(models.folder / "a.pth", models.folder / "inside.pth");
  fs::create_directories(models.folder / "hub");
  std::ofstream(models.folder / "hub" / "model.safetensors") << "x";
  for (const std::string& name : {std::string("a"), std::string("a.pth"), own + "/a.pth", std::string("./a"), folder + "/a.pth",
                                  std::string("hub/../a"), std::string("inside.pth")})
    EXPECT_EQ(find(name), folder + "/a.pth") << name;
  EXPECT_EQ(find("hub"), folder + "/hub");
  const auto kind_of = [&](std::string_view name) {
    try {
      find(name);
    } catch (const Error& error) {
      EXPECT_EQ(error.param(), "model");
      return error.kind();
    }
    ADD_FAILURE() << name;
    return ErrorKind::internal;
  };
  for (const std::string& name : {std::string("link.pth"), outside, fmt::format("../{}_outside.pth", own),
                                  std::string("/etc/passwd"), std::string("."), own, std::string("none"),
                                  std::string("C:\\a.pth"), std::string("..\\..\\etc\\passwd")})
    EXPECT_EQ(kind_of(name), ErrorKind::not_found) << name;
  for (const std::string& name : {std::string(), std::string("a\0.pth", 6), std::string("a\n"), std::string("\xff"),
                                  std::string(2000, 'a')})
    EXPECT_EQ(kind_of(name), ErrorKind::bad_request) << name;
  std::vector<std::string> ids;
  for (const auto& model : shelf.models()) ids.push_back(model.id);
  EXPECT_THAT(ids, ElementsAre("a", "b", "broken", "c", "hub", "inside", "large", "large_broken", "lost"));
  fs::remove(outside);
  const host::Shelf closed({});
  EXPECT_THROW(closed.find("a", host::Kind::model, "model"), Error);
  EXPECT_THROW(host::Shelf({"/no/such/folder", {}}), Error);
}

}  // namespace
}  // namespace fulmar::test
