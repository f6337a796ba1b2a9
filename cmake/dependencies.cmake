# Everything comes from the system's packages; `./fulmar.sh setup` installs them.
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(CLI11 REQUIRED)
find_package(hwy REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json)
