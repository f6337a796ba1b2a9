// JSON schemas of what is answered: made from examples, or from a writer's shape.
#pragma once
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <functional>

#include "answer/shape.h"

namespace fulmar::api {

// One schema that holds for all of them: objects have no members but those that occur, and those that all have are required.
boost::json::object schema_of_samples(const boost::json::array& samples);

// `refer` makes a schema that refers to that of another shape. Throws Error(internal) for a shape that is spelled wrongly.
boost::json::value schema_of_shape(const Shape& shape, const std::function<boost::json::value(const Shape&)>& refer);

}  // namespace fulmar::api
