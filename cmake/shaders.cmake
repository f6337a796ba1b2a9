# Compiles the shader variants to SPIR-V and embeds them as fulmar_shaders.
add_library(fulmar_shaders INTERFACE)
