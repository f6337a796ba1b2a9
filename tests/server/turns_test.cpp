// Connections that send much are read a few at a time, in the order in which they came.
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>
#include <future>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

#include "http/connection.h"
#include "http/turns.h"
#include "server/client.h"

namespace fulmar::test {
namespace {

TEST(Turns, NoMoreThanAllowedAtOnceAndTheFirstComesFirst) {
  http::Turns turns(2);
  std::vector<int> woken;
  std::optional<http::Turns::Turn> places[5];
  for (int i = 0; i < 5; ++i) places[i].emplace(turns, [&woken, i] { woken.push_back(i); });
  EXPECT_TRUE(places[0]->mine() && places[1]->mine());
  EXPECT_FALSE(places[2]->mine() || places[3]->mine() || places[4]->mine());
  places[1].reset();
  EXPECT_TRUE(places[2]->mine());
  EXPECT_FALSE(places[3]->mine() || places[4]->mine());
  places[3].reset();  // leaves the row
  places[0].reset();
  EXPECT_TRUE(places[4]->mine());
  EXPECT_EQ(woken, (std::vector<int>{2, 4}));
  places[2].reset();
  places[4].reset();
  const http::Turns::Turn next(turns, [] {}), another(turns, [] {}), late(turns, [] {});
  EXPECT_TRUE(next.mine() && another.mine());
  EXPECT_FALSE(late.mine());
}

TEST(Turns, AWakeUpThatFailsLosesNoTurn) {
  http::Turns turns(1);
  std::optional<http::Turns::Turn> first(std::in_place, turns, [] {});
  const http::Turns::Turn second(turns, [] { throw std::runtime_error("memory ran out"); });
  first.reset();
  EXPECT_TRUE(second.mine());
}

// While others have all turns, a large body stays in the client's hands; a small request passes it.
TEST(Turns, AConnectionWaitsForItsTurnWithALargeBodyAndNotWithASmallOne) {
  namespace asio = boost::asio;
  const auto echo = [](const http::Request& request, const std::shared_ptr<http::Reply>& reply) {
    http::Response response;
    response.body = request.body;
    reply->respond(std::move(response));
  };
  http::ServerOptions options;
  options.threads = 2;  // so there is one turn
  const auto shared = std::make_shared<http::Shared>(options, http::Router({{"POST", "/", echo}}));
  shared->access.emplace(http::AccessOptions{}, false);
  shared->workers.start(1);
  asio::io_context io;
  auto work = asio::make_work_guard(io);
  asio::ip::tcp::acceptor acceptor(io, {asio::ip::make_address("127.0.0.1"), 0});
  std::thread loop([&] { io.run(); });
  const auto connect = [&] {
    Client client(acceptor.local_endpoint().port());
    http::Connection::start(acceptor.accept(asio::make_strand(io)), shared, false);
    return client;
  };
  {
    std::optional<http::Turns::Turn> held(std::in_place, shared->large_reads, [] {});
    ASSERT_TRUE(held->mine());
    Client large = connect(), small = connect();
    const std::string body(15 << 20, 'x');  // more than the system takes before anybody reads
    std::future<Answer> answer = std::async(std::launch::async, [&] { return large.post("/", body); });
    EXPECT_EQ(answer.wait_for(std::chrono::milliseconds(500)), std::future_status::timeout);
    EXPECT_LT(shared->body_bytes.load(), size_t{1} << 20);
    for (int i = 0; i < 20; ++i) EXPECT_EQ(small.post("/", "small").body, "small");
    held.reset();
    EXPECT_EQ(answer.get().body, body);
  }
  shared->workers.stop();
  io.stop();
  loop.join();
}

}  // namespace
}  // namespace fulmar::test
