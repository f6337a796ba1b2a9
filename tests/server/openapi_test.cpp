// GET /openapi.json cannot say other than what is served: it is held against the rows, the tables and real errors.
#include <boost/json/serialize.hpp>

#include "server/harness.h"

namespace fulmar::test {
namespace {

json::object document_of(const Harness& harness) {
  const Answer answer = harness.client().get("/openapi.json");
  EXPECT_EQ(answer.status, 200);
  return json::parse(answer.body).as_object();
}

const json::value& resolved(const json::value& document, const json::value& schema) {
  const json::value* const reference = schema.as_object().if_contains("$ref");
  return reference ? document.at_pointer(std::string(reference->as_string()).substr(1)) : schema;
}

// The schemas that a body may be of.
std::vector<json::value> bodies_of(const json::value& document, const json::value& operation) {
  std::vector<json::value> all;
  const json::value& schema = operation.at_pointer("/requestBody/content/application~1json/schema");
  if (const json::value* any = schema.as_object().if_contains("anyOf"))
    for (const json::value& one : any->as_array()) all.push_back(resolved(document, one));
  else
    all.push_back(resolved(document, schema));
  return all;
}

bool has_all(const json::value& schema, const api::FieldTable& table) {
  const json::object& properties = schema.at("properties").as_object();
  for (const api::FieldTable* part = &table; part; part = part->base)
    for (const api::Field& field : part->fields)
      if (!properties.contains(field.name)) return false;
  return true;
}

TEST(OpenApi, HasEveryRouteWithTheFieldsThatItsBodyIsReadBy) {
  const Harness harness;
  const json::value document = document_of(harness);
  size_t bodies = 0;
  for (const api::Row& row : api::all_rows()) {
    std::string path = row.path, method = row.method;
    if (const size_t place = path.find("{}"); place != path.npos) path.replace(place, 2, "{id}");
    for (char& c : method) c = static_cast<char>(c | 0x20);
    const json::value* const operations = document.at("paths").as_object().if_contains(path);
    ASSERT_TRUE(operations && operations->as_object().contains(method)) << method << ' ' << path;
    const json::value& operation = operations->at(method);
    const bool answers = row.about.answer || (row.about.answers != api::Answers::object && row.about.answers != api::Answers::generation);
    const bool is_alone = std::ranges::count_if(api::all_rows(), [&](const api::Row& other) {
                            return std::string_view(other.path) == row.path && std::string_view(other.method) == row.method;
                          }) == 1;
    if (answers || is_alone) {
      EXPECT_EQ(operation.at("responses").as_object().contains("200"), answers) << method << ' ' << path;
    }
    if (row.method != std::string_view("POST") || !row.about.body) continue;
    ++bodies;
    const std::vector<json::value> schemas = bodies_of(document, operation);
    EXPECT_TRUE(std::any_of(schemas.begin(), schemas.end(), [&](const json::value& one) { return has_all(one, *row.about.body); }))
        << method << ' ' << path << " lacks a field of " << row.about.body->title;
  }
  EXPECT_GT(bodies, 30u);
}

TEST(OpenApi, TellsAFieldsTypeAndRange) {
  const Harness harness;
  const json::value document = document_of(harness);
  const json::value schema = bodies_of(document, document.at_pointer("/paths/~1v1~1embeddings/post")).at(0);
  EXPECT_EQ(json::serialize(schema.at("required")), R"(["input"])");
  EXPECT_EQ(json::serialize(schema.at_pointer("/properties/dimensions/type")), R"(["integer","null"])");
  EXPECT_EQ(schema.at_pointer("/properties/dimensions/minimum"), json::value(1));
  EXPECT_EQ(schema.at_pointer("/properties/dimensions/maximum"), json::value(65536));
}

// A member more or less than there is would be no error of the family.
TEST(OpenApi, HasErrorsAsEachFamilyWordsThem) {
  const Harness harness;
  const json::value document = document_of(harness);
  for (const char* path : {"/v1/embeddings", "/models/load", "/loadmodel", "/v1/tokens/count", "/update-config"}) {
    const Answer answer = harness.client().post(path, "[");
    ASSERT_EQ(answer.status, 400) << path;
    std::string place(path);
    for (size_t at = 0; (at = place.find('/', at)) != place.npos; at += 2) place.replace(at, 1, "~1");
    const json::value& schema =
        resolved(document, document.at_pointer("/paths/" + place + "/post/responses/400/content/application~1json/schema"));
    const json::value said = json::parse(answer.body);
    EXPECT_EQ(said.as_object().size(), schema.at("properties").as_object().size()) << answer.body;
    for (const auto& member : said.as_object()) EXPECT_TRUE(schema.at("properties").as_object().contains(member.key())) << answer.body;
    EXPECT_EQ(schema.at("additionalProperties"), json::value(false));
  }
}

TEST(OpenApi, AsksForAKeyWhereTheServerDoes) {
  const auto security_of = [](const Harness& harness) {
    Client client = harness.client();
    client.send("GET", "/openapi.json", {}, "Authorization: Bearer sesame\r\n");
    const json::value document = json::parse(client.receive().body);
    return json::serialize(document.at_pointer("/paths/~1v1~1embeddings/post/security")) + json::serialize(document.at_pointer("/paths/~1health/get/security"));
  };
  EXPECT_EQ(security_of(Harness()), "[][]");
  http::ServerOptions options;
  options.password = "sesame";
  Harness closed({}, options);
  closed.context.password = "sesame";
  EXPECT_EQ(security_of(closed), R"([{"bearer":[]},{"key":[]}][])");
}

}  // namespace
}  // namespace fulmar::test
