# The plugin of examples/unreal, compiled against a stand-in of the engine's headers, and its nodes' test.
set(plugin ${PROJECT_SOURCE_DIR}/examples/unreal/FulmarClient/Source/FulmarClient)
file(GLOB plugin_sources CONFIGURE_DEPENDS ${plugin}/Private/*.cpp)
file(GLOB plugin_headers CONFIGURE_DEPENDS ${plugin}/Public/*.h)
fulmar_test(unreal LINK fulmar_client_parts Threads::Threads)
target_sources(test_unreal PRIVATE ${plugin_sources} unreal_stand_in/stand_in.cpp client/stand_in.cpp)
target_include_directories(test_unreal PRIVATE ${plugin}/Public ${plugin}/Private unreal_stand_in ${PROJECT_BINARY_DIR}/generated/unreal)
foreach(header ${plugin_headers})  # what the engine's header tool would write
  get_filename_component(name ${header} NAME_WE)
  file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/generated/unreal/${name}.generated.h CONTENT "#pragma once\n")
endforeach()
