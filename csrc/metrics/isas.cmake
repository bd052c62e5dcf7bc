# One object library per instruction set, all from the same source. Worst first: the dispatcher
# takes the last one the CPU can run.
set(TRUENESS_ISA_LIST "")
set(TRUENESS_ISA_OBJECTS "")

function(trueness_add_isa name)
  add_library(metrics_${name} OBJECT ${CMAKE_CURRENT_SOURCE_DIR}/metrics/kernels.cpp)
  target_compile_definitions(metrics_${name} PRIVATE TRUENESS_ISA=${name})
  target_compile_options(metrics_${name} PRIVATE -O3 -ffp-contract=off -fno-math-errno ${ARGN})
  target_include_directories(metrics_${name} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  target_link_libraries(metrics_${name} PRIVATE trueness_flags)
  set_target_properties(metrics_${name} PROPERTIES CXX_VISIBILITY_PRESET hidden)
  set(TRUENESS_ISA_LIST ${TRUENESS_ISA_LIST} ${name} PARENT_SCOPE)
  set(TRUENESS_ISA_OBJECTS ${TRUENESS_ISA_OBJECTS} $<TARGET_OBJECTS:metrics_${name}> PARENT_SCOPE)
endfunction()

trueness_add_isa(baseline)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  trueness_add_isa(avx2 -march=x86-64-v3)
  trueness_add_isa(avx512 -march=x86-64-v4 -mprefer-vector-width=512)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
  trueness_add_isa(sve -march=armv8.2-a+sve)
endif()

set(TRUENESS_ISA_INC "")
foreach(name IN LISTS TRUENESS_ISA_LIST)
  string(APPEND TRUENESS_ISA_INC "TRUENESS_ISA_ENTRY(${name})\n")
endforeach()
file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/metrics/isa_list.inc CONTENT "${TRUENESS_ISA_INC}")
