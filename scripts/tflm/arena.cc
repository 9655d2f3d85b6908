// Prints, per .tflite file, what TensorFlow Lite Micro's own allocator plans: bytes of the arena's tensors and scratch
// buffers (not persistent), and bytes that the interpreter keeps (persistent, with this machine's pointers); 0 where a file
// cannot be run there. Give it one file at a time: what a file that is refused leaves behind may end the program.
// Build in a checkout of tensorflow/tflite-micro with flatbuffers (v25.9.23), gemmlowp and ruy beside it:
//   g++ -std=c++17 -DTF_LITE_STATIC_MEMORY -fno-exceptions -fno-rtti -w -I. -I../flatbuffers/include -I../gemmlowp -I../ruy
//     arena.cc LIBRARY -o tflm-arena
// where LIBRARY holds, compiled with the same flags, the .cc files (no tests, no mocks) of tensorflow/lite/micro, of its arena_allocator, memory_planner,
// kernels and tflite_bridge, of tensorflow/lite/kernels/internal (and kernel_util.cc), tensorflow/lite/core and tensorflow/compiler/mlir/lite.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "tensorflow/lite/micro/arena_allocator/single_arena_buffer_allocator.h"
#include "tensorflow/lite/micro/memory_planner/greedy_memory_planner.h"
#include "tensorflow/lite/micro/micro_allocator.h"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/schema/schema_generated.h"

namespace {

constexpr size_t kArenaBytes = 256u << 20;
using Resolver = tflite::MicroMutableOpResolver<24>;

void AddOps(Resolver& ops) {
  ops.AddAdd();
  ops.AddAveragePool2D();
  ops.AddConcatenation();
  ops.AddConv2D();
  ops.AddDepthwiseConv2D();
  ops.AddDequantize();
  ops.AddFullyConnected();
  ops.AddLogistic();
  ops.AddMaxPool2D();
  ops.AddMean();
  ops.AddMul();
  ops.AddPack();
  ops.AddPad();
  ops.AddQuantize();
  ops.AddReduceMax();
  ops.AddRelu();
  ops.AddReshape();
  ops.AddResizeBilinear();
  ops.AddShape();
  ops.AddSoftmax();
  ops.AddStridedSlice();
}

std::vector<uint8_t> ReadFile(const char* path) {
  std::vector<uint8_t> bytes;
  FILE* file = std::fopen(path, "rb");
  if (file == nullptr) return bytes;
  uint8_t chunk[65536];
  for (size_t n; (n = std::fread(chunk, 1, sizeof chunk, file)) > 0;) bytes.insert(bytes.end(), chunk, chunk + n);
  std::fclose(file);
  return bytes;
}

}  // namespace

int main(int argc, char** argv) {
  auto* arena = static_cast<uint8_t*>(std::aligned_alloc(64, kArenaBytes));
  for (int i = 1; i < argc; ++i) {
    const std::vector<uint8_t> bytes = ReadFile(argv[i]);
    Resolver ops;
    AddOps(ops);
    auto* buffers = tflite::SingleArenaBufferAllocator::Create(arena, kArenaBytes);
    tflite::GreedyMemoryPlanner planner;
    auto* allocator = tflite::MicroAllocator::Create(buffers, &planner);
    tflite::MicroInterpreter interpreter(tflite::GetModel(bytes.data()), ops, allocator);
    const bool ok = !bytes.empty() && interpreter.AllocateTensors() == kTfLiteOk;
    std::printf("%s\t%zu\t%zu\n", argv[i], ok ? buffers->GetNonPersistentUsedBytes() : 0,
                ok ? buffers->GetPersistentUsedBytes() : 0);
  }
  return 0;
}
