// A JSON schema from samples of what it describes.
#pragma once
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

namespace fulmar::api {

// Every sample is valid by it: a member is required where all objects have it, and there are no others.
boost::json::object schema_of_samples(const boost::json::array& samples);

}  // namespace fulmar::api
