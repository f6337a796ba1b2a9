// GET /openapi.json: OpenAPI 3.1, written from the table of routes and the tables by which bodies are read.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <limits>
#include <map>
#include <set>
#include <vector>

#include "answer/json.h"
#include "api/openai/openai.h"
#include "api/routes.h"
#include "api/schema_of.h"
#include "base/fail.h"

namespace fulmar::api {
namespace {

json::array or_null(std::initializer_list<std::string_view> types) {
  json::array all;
  for (const std::string_view type : types) all.emplace_back(type);
  all.emplace_back("null");
  return all;
}

json::object schema_of(const Field& field) {
  using enum FieldType;
  json::object schema;
  const bool has_bounds = field.type == integer || field.type == number || field.type == number_or_text;
  switch (field.type) {
    case boolean: schema["type"] = or_null({"boolean"}); break;
    case integer: schema["type"] = or_null({"integer"}); break;
    case number: schema["type"] = or_null({"number"}); break;
    case number_or_text: schema["type"] = or_null({"number", "string"}); break;
    case text: schema["type"] = or_null({"string"}); break;
    case text_or_list: schema["type"] = or_null({"string", "array"}); break;
    case text_or_map: schema["type"] = or_null({"string", "object"}); break;
    case map_or_list: schema["type"] = or_null({"object", "array"}); break;
    case list: schema["type"] = or_null({"array"}); break;
    case map: schema["type"] = or_null({"object"}); break;
  }
  if (has_bounds) {
    schema["minimum"] = field.least;
    if (field.above == Above::refused) schema["maximum"] = field.most;
  } else if (field.most > 0) {
    // A text's bytes are no fewer than its characters.
    schema[field.type == text ? "maxLength" : field.type == map ? "maxProperties" : "maxItems"] = field.most;
  }
  std::string help(field.help);
  boost::system::error_code bad;
  const json::value usual = json::parse(json::string_view(field.absent.data(), field.absent.size()), bad);
  if (!bad && (usual.is_bool() || usual.is_number()))
    schema["default"] = usual;
  else if (!field.absent.empty() && field.absent != "required")
    help += fmt::format("{}Default: {}.", help.empty() ? "" : " ", field.absent);
  if (!help.empty()) schema["description"] = api::text(help);
  return schema;
}

// What asks for nothing is taken, and everything else refused.
json::object schema_of(const Refused& refused) {
  json::array taken = json::parse(json::string_view(refused.harmless.data(), refused.harmless.size())).as_array();
  taken.emplace_back(nullptr);
  if (!refused.empty_asks) {
    for (json::value nothing : {json::value(""), json::value(json::array()), json::value(json::object())})
      if (std::find(taken.begin(), taken.end(), nothing) == taken.end()) taken.push_back(std::move(nothing));
  }
  return {{"enum", std::move(taken)}, {"description", text(fmt::format("{} {}", refused.name, refused.problem))}};
}

json::object schema_of(const FieldTable& table) {
  json::object properties, patterns;
  json::array required;
  for (const FieldTable* part = &table; part; part = part->base)
    for (const Field& field : part->fields) {
      if (properties.contains(field.name)) continue;
      properties[field.name] = schema_of(field);
      if (field.absent == "required") required.emplace_back(field.name);
    }
  for (const FieldTable* part = &table; part; part = part->base)
    for (const Refused& refused : part->refused) {
      if (refused.name.ends_with('*'))
        patterns[fmt::format("^{}", refused.name.substr(0, refused.name.size() - 1))] = schema_of(refused);
      else if (!properties.contains(refused.name))
        properties[refused.name] = schema_of(refused);
    }
  json::object schema{{"type", "object"}, {"properties", std::move(properties)}};
  if (!required.empty()) schema["required"] = std::move(required);
  if (!patterns.empty()) schema["patternProperties"] = std::move(patterns);
  return schema;
}

std::string identifier_of(std::string_view title) {
  std::string name;
  for (const char c : title) name += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return name;
}

json::value any_of(json::array schemas) {
  return schemas.size() == 1 ? schemas[0] : json::value(json::object{{"anyOf", std::move(schemas)}});
}

void add(json::array& schemas, json::value schema) {
  if (std::ranges::find(schemas, schema) == schemas.end()) schemas.push_back(std::move(schema));
}

// Errors that a row may answer.
std::vector<int> failures_of(const Row& row) {
  std::vector<int> all = {400, 403, 404, 408, 417, 429, 431, 500, 501, 503};
  if (row.auth != Auth::open) all.push_back(401);
  if (std::string_view(row.path).find("{}") != std::string_view::npos || row.about.query) all.push_back(414);
  if (std::string_view(row.method) == "POST") all.insert(all.end(), {409, 413});
  if (row.family.invalid != 400) all.push_back(row.family.invalid);
  std::ranges::sort(all);
  return all;
}

class Document {
 public:
  explicit Document(const Context& context) : context_(context) {
    for (const Row& row : all_rows()) rows_[{row.path, row.method}].push_back(row);
  }

  json::object made() {
    json::object paths;
    for (const auto& [place, rows] : rows_) {
      json::value& path = paths[path_of(place.first)];
      if (!path.is_object()) path = json::object();
      std::string method = place.second;
      for (char& c : method) c = static_cast<char>(c | 0x20);
      path.get_object()[method] = operation_of(rows);
    }
    json::object schemes{{"bearer", {{"type", "http"}, {"scheme", "bearer"}}},
                         {"key", {{"type", "apiKey"}, {"in", "header"}, {"name", "x-api-key"}}}};
    return {{"openapi", "3.1.0"},
            {"info",
             {{"title", "Fulmar"},
              {"version", text(context_.build)},
              {"description", "A server of RWKV models. Each tag is a family of clients that it speaks to."},
              {"license", {{"name", "Apache-2.0"}, {"identifier", "Apache-2.0"}}}}},
            {"paths", std::move(paths)},
            {"components", {{"schemas", std::move(schemas_)}, {"securitySchemes", std::move(schemes)}}}};
  }

 private:
  static std::string path_of(const std::string& path) {
    const size_t place = path.find("{}");
    return place == path.npos ? path : path.substr(0, place) + "{id}" + path.substr(place + 2);
  }

  json::object operation_of(const std::vector<Row>& rows) {
    const Row& first = *std::ranges::find_if(rows, [&](const Row& row) { return !row.when_told || &row == &rows.back(); });
    json::object made{{"summary", text(first.about.summary)}, {"operationId", text(name_of(first))}};
    json::array tags;
    std::string others;
    for (const Row& row : rows) {
      if (std::ranges::find(tags, json::value(row.family.name)) == tags.end()) tags.emplace_back(row.family.name);
      if (&row != &first) others += fmt::format("{}{} ({})", others.empty() ? "Or, by what the body says: " : "; ", row.about.summary, row.family.name);
    }
    made["tags"] = std::move(tags);
    if (!others.empty()) made["description"] = text(others + '.');
    if (json::array parameters = parameters_of(rows); !parameters.empty()) made["parameters"] = std::move(parameters);
    if (first.method == std::string_view("POST"))
      if (json::object body = body_of(rows); !body.empty()) made["requestBody"] = std::move(body);
    made["responses"] = responses_of(rows);
    json::array security;
    if (context_.asks() && first.auth != Auth::open) {
      security = {json::object{{"bearer", json::array()}}, json::object{{"key", json::array()}}};
      if (first.auth == Auth::in_body) security.push_back(json::object());
    }
    made["security"] = std::move(security);
    return made;
  }

  static std::string name_of(const Row& row) {
    std::string name = row.method;
    for (const char c : std::string_view(row.path)) name += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
    return name;
  }

  static json::array parameters_of(const std::vector<Row>& rows) {
    json::array all;
    if (std::string_view(rows[0].path).find("{}") != std::string_view::npos)
      all.push_back({{"name", "id"}, {"in", "path"}, {"required", true}, {"schema", {{"type", "string"}, {"minLength", 1}}}});
    for (const Row& row : rows) {
      if (!row.about.query) continue;
      for (const Field& field : row.about.query->fields) {
        json::object schema = schema_of(field);
        schema["type"] = schema["type"].as_array()[0];  // a query has no null
        all.push_back({{"name", field.name}, {"in", "query"}, {"required", field.absent == "required"}, {"schema", std::move(schema)}});
      }
    }
    return all;
  }

  json::object body_of(const std::vector<Row>& rows) {
    if (rows[0].content == Content::bytes)
      return {{"required", true}, {"content", {{"application/octet-stream", {{"schema", {{"type", "string"}, {"format", "binary"}}}}}}}};
    json::array shapes;
    for (const Row& row : rows)
      if (row.about.body)
        add(shapes, reference(*row.about.body));
    if (shapes.empty()) return {};
    return {{"required", rows[0].content == Content::object}, {"content", {{"application/json", {{"schema", any_of(std::move(shapes))}}}}}};
  }

  // Of a table by its title; where two have the same, a number tells them apart.
  json::object reference(const FieldTable& table) {
    std::string& name = names_[&table];
    if (name.empty()) {
      const std::string word = identifier_of(table.title);
      for (int number = 1; name.empty() || schemas_.contains(name); ++number) name = number == 1 ? word : fmt::format("{}_{}", word, number);
      schemas_[name] = schema_of(table);
    }
    return {{"$ref", "#/components/schemas/" + name}};
  }

  json::object reference(const Shape& shape) {
    const std::string name = fmt::format("answer_{}", identifier_of(shape.title));
    const Shape*& known = shapes_[name];
    require(!known || known == &shape, "two shapes are called {}", shape.title);
    known = &shape;
    if (!schemas_.contains(name)) {
      schemas_[name] = nullptr;
      schemas_[name] = schema_of_shape(shape, [this](const Shape& part) { return json::value(reference(part)); });
    }
    return {{"$ref", "#/components/schemas/" + name}};
  }

  json::object responses_of(const std::vector<Row>& rows) {
    json::object all;
    if (json::object contents = contents_of(rows); !contents.empty())
      all["200"] = {{"description", "Done."}, {"content", std::move(contents)}};
    std::map<int, json::array> failing;
    for (const Row& row : rows)
      for (const int status : failures_of(row)) add(failing[status], error_shape(row.family, status));
    // Found before it is known whose the path is.
    for (const int status : {408, 414, 431, 501})
      if (failing.contains(status)) add(failing[status], error_shape(openai::family, status));
    std::map<int, std::string_view> said;
    for (const Row& row : rows) {
      if (!row.about.others) continue;
      for (const Other& other : row.about.others->all) {
        if (other.status == 0) continue;
        said[other.status] = other.when;
        if (other.shape) add(failing[other.status], reference(*other.shape));
        if (!failing.contains(other.status)) all[std::to_string(other.status)] = {{"description", other.when}};
      }
    }
    for (auto& [status, shapes] : failing)
      all[std::to_string(status)] = {{"description", said.contains(status) ? said[status] : description_of(status)},
                                     {"content", {{"application/json", {{"schema", any_of(std::move(shapes))}}}}}};
    return all;
  }

  // As the family words it, with all there may be and with nothing.
  json::object error_shape(const Family& family, int status) {
    http::Failure full(status, "sentence", "code");
    full.param = "field[0]";
    json::array samples;
    for (const http::Failure& failure : {full, http::Failure(status, "sentence")})
      samples.push_back(json::parse(http::worded(family.wording, failure).body));
    const json::value shape = schema_of_samples(samples);
    std::string name = fmt::format("{}_error", family.name);
    if (const json::value* usual = schemas_.if_contains(name); usual && *usual != shape) name += fmt::format("_{}", status);
    schemas_[name] = shape;
    return {{"$ref", "#/components/schemas/" + name}};
  }

  static std::string_view description_of(int status) {
    switch (status) {
      case 400: return "The request is wrong; the sentence says where.";
      case 401: return "The password or key is missing or wrong.";
      case 403: return "Not for this web page, host name or key.";
      case 404: return "There is no such model, session or answer.";
      case 408: return "The request came too slowly, or the answer was read so.";
      case 409: return "What it goes on from was changed by another request meanwhile.";
      case 413: return "The body is too large.";
      case 414: return "The path is too long.";
      case 417: return "Of expectations only 100-continue is known.";
      case 422: return "The body is wrong; the list says where.";
      case 429: return "Too much at once, or more than the key allows; Retry-After says when to ask again.";
      case 431: return "The header is too large.";
      case 501: return "Not possible here.";
      case 503: return "Not now: no model, no memory, or the server ends; Retry-After says when to ask again.";
      default: return "Something went wrong inside the server.";
    }
  }

  json::object contents_of(const std::vector<Row>& rows) {
    json::object all;
    json::array answers;
    for (const Row& row : rows)
      if (row.about.answer) add(answers, reference(*row.about.answer));
    const auto has = [&](std::initializer_list<Answers> kinds) {
      return std::ranges::any_of(rows, [&](const Row& row) { return std::ranges::find(kinds, row.about.answers) != kinds.end(); });
    };
    const json::object words{{"schema", {{"type", "string"}}}};
    if (!answers.empty()) all["application/json"] = {{"schema", any_of(std::move(answers))}};
    // Of each event, as those who check streams read it.
    const json::object event{{"type", "object"},
                             {"properties", {{"data", {{"type", "string"}}}, {"event", {{"type", "string"}}}}},
                             {"required", json::array{"data"}},
                             {"additionalProperties", false}};
    if (has({Answers::generation, Answers::events})) all["text/event-stream"] = {{"schema", event}};
    if (has({Answers::lines})) all["application/x-ndjson"] = words;
    if (has({Answers::file})) all["application/octet-stream"] = {{"schema", {{"type", "string"}, {"format", "binary"}}}};
    if (has({Answers::file, Answers::text})) all["text/plain"] = words;
    return all;
  }

  const Context& context_;
  std::map<std::pair<std::string, std::string>, std::vector<Row>> rows_;  // by path and method
  std::map<const FieldTable*, std::string> names_;
  std::map<std::string, const Shape*> shapes_;
  json::object schemas_;
};

}  // namespace

constexpr Shape openapi_answer{"OpenAPI's document", R"({
  "openapi": "=3.1.0", "info": "object", "paths": "object", "components": {"schemas": "object", "securitySchemes": "object"}})"};

json::object openapi_document(const Context& context) {
  return Document(context).made();
}

void openapi(const Context& context, const Call& call) {
  http::Response response;
  response.body = json::serialize(openapi_document(context));
  call.reply->respond(std::move(response));
}

}  // namespace fulmar::api
