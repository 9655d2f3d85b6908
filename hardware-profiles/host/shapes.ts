/**
 * Sizes of the kernels that are timed on a computer: those of small networks, where what starting a kernel takes counts, and
 * those of networks for pictures of 224 pixels, where the processor's rates and the way of the weights into it do.
 */

/** Map and channels. */
export const MAPS_AND_CHANNELS: readonly (readonly [number, number])[] = [
  [4, 64],
  [4, 256],
  [7, 960],
  [8, 32],
  [8, 128],
  [8, 384],
  [14, 384],
  [16, 16],
  [16, 64],
  [16, 192],
  [28, 192],
  [32, 8],
  [32, 32],
  [32, 96],
  [48, 16],
  [56, 144],
  [64, 24],
  [112, 32],
]

/**
 * Maps for kinds that cost about the same for each element. Each is also one of those above: the depthwise convolution
 * before them must be known exactly.
 */
export const FEW_MAPS: readonly (readonly [number, number])[] = [
  [4, 64],
  [8, 32],
  [8, 384],
  [14, 384],
  [16, 64],
  [32, 8],
  [32, 96],
  [64, 24],
  [56, 144],
]

/** Those whose channels fill blocks of 16. */
export const ALIGNED = FEW_MAPS.filter(([, channels]) => channels % 16 === 0)

/** Map and channels of sums, for which a 1×1 convolution of as many channels is timed, too. */
export const SUMMED = [
  [4, 64],
  [8, 32],
  [8, 128],
  [16, 64],
  [32, 32],
  [14, 384],
] as const

/** Channels that do not fill blocks of 16. */
export const UNALIGNED = [
  [8, 40],
  [16, 24],
  [24, 12],
  [48, 8],
] as const

/** Map and channels of depthwise convolutions of stride 2. */
export const STRIDED: readonly (readonly [number, number])[] = [
  [4, 64],
  [8, 32],
  [8, 384],
  [14, 576],
  [16, 64],
  [32, 8],
  [32, 96],
  [64, 24],
  [112, 96],
]

/** Map and channels of depthwise convolutions of windows of 7 × 7. */
export const WIDE_WINDOWS = [
  [7, 768],
  [14, 384],
  [28, 64],
] as const

/** Map, channels in and out of 1×1 convolutions. */
export const POINTWISE: readonly (readonly [number, number, number])[] = [
  [1, 64, 16],
  [1, 16, 64],
  [1, 256, 64],
  [1, 960, 240],
  [1, 80, 320],
  [1, 320, 80],
  [1, 48, 1152],
  [2, 256, 512],
  [3, 128, 256],
  [4, 64, 64],
  [4, 64, 256],
  [4, 256, 64],
  [4, 128, 128],
  [4, 192, 768],
  [4, 512, 128],
  [4, 256, 256],
  [6, 48, 96],
  [7, 40, 240],
  [7, 160, 960],
  [7, 576, 160],
  [7, 320, 1280],
  [8, 16, 96],
  [8, 96, 16],
  [8, 32, 32],
  [8, 32, 192],
  [8, 192, 32],
  [8, 64, 64],
  [8, 64, 256],
  [8, 288, 96],
  [8, 128, 128],
  [12, 24, 48],
  [12, 80, 40],
  [14, 480, 112],
  [14, 80, 480],
  [14, 1024, 256],
  [14, 256, 1024],
  [14, 384, 384],
  [16, 16, 16],
  [16, 16, 64],
  [16, 64, 16],
  [16, 24, 144],
  [16, 144, 24],
  [16, 40, 120],
  [16, 64, 64],
  [16, 96, 96],
  [16, 128, 128],
  [24, 8, 16],
  [24, 96, 24],
  [28, 32, 192],
  [28, 512, 128],
  [32, 8, 8],
  [32, 8, 48],
  [32, 48, 8],
  [32, 16, 64],
  [32, 64, 16],
  [32, 24, 24],
  [32, 32, 32],
  [32, 32, 128],
  [32, 48, 48],
  [32, 64, 64],
  [48, 8, 24],
  [48, 16, 32],
  [56, 24, 144],
  [56, 64, 256],
  [64, 8, 16],
  [64, 16, 16],
  [64, 96, 16],
  [112, 32, 16],
]

/** Map, channels in and out, window, stride. */
export const WINDOWED: readonly (readonly [number, number, number, number, number])[] = [
  [28, 1, 8, 3, 1],
  [28, 1, 16, 5, 2],
  [32, 1, 32, 3, 1],
  [32, 3, 16, 3, 1],
  [32, 3, 8, 3, 2],
  [48, 3, 16, 3, 2],
  [64, 3, 8, 3, 1],
  [64, 3, 16, 3, 2],
  [96, 3, 8, 3, 2],
  [96, 3, 32, 3, 2],
  [224, 3, 32, 3, 2],
  [224, 3, 64, 7, 2],
  [49, 1, 64, 5, 2],
  [4, 64, 64, 3, 1],
  [4, 128, 128, 3, 1],
  [7, 192, 384, 3, 1],
  [7, 256, 256, 3, 1],
  [8, 32, 32, 3, 1],
  [8, 48, 96, 3, 1],
  [8, 96, 48, 3, 1],
  [8, 64, 64, 3, 1],
  [8, 128, 128, 3, 1],
  [14, 96, 208, 3, 1],
  [14, 256, 256, 3, 1],
  [14, 128, 256, 3, 2],
  [16, 16, 16, 3, 1],
  [16, 16, 64, 3, 1],
  [16, 24, 48, 3, 1],
  [16, 32, 32, 3, 1],
  [16, 32, 64, 3, 2],
  [16, 64, 64, 3, 1],
  [28, 128, 128, 3, 1],
  [32, 8, 8, 3, 1],
  [32, 16, 16, 3, 1],
  [32, 16, 32, 3, 1],
  [32, 16, 32, 3, 2],
  [32, 32, 16, 3, 1],
  [32, 32, 32, 3, 1],
  [56, 64, 64, 3, 1],
  [56, 64, 128, 3, 2],
  [64, 8, 16, 3, 1],
  [8, 32, 32, 5, 1],
  [16, 16, 16, 5, 1],
  [16, 32, 32, 5, 1],
  [32, 8, 8, 5, 1],
  [28, 48, 64, 5, 1],
]

/** Map, channels in and out, groups, stride; windows of 3 × 3. */
export const GROUPED: readonly (readonly [number, number, number, number, number])[] = [
  [7, 440, 440, 55, 1],
  [14, 208, 208, 26, 1],
  [14, 64, 64, 4, 1],
  [14, 256, 256, 8, 1],
  [16, 32, 32, 4, 1],
  [16, 48, 48, 2, 1],
  [28, 104, 104, 13, 1],
  [28, 96, 96, 4, 2],
  [28, 128, 128, 32, 1],
  [28, 240, 240, 10, 1],
  [56, 48, 48, 6, 2],
  [56, 64, 64, 4, 1],
  [8, 64, 128, 8, 1],
  [7, 384, 384, 12, 1],
  [14, 160, 160, 5, 1],
  [28, 160, 160, 10, 2],
  [7, 784, 784, 49, 1],
  [14, 784, 784, 49, 2],
  [28, 320, 320, 20, 2],
]

/** Map, channels in and out, distance between the window's positions; windows of 3 × 3. */
export const DILATED: readonly (readonly [number, number, number, number])[] = [
  [14, 64, 64, 2],
  [14, 256, 256, 4],
  [14, 480, 128, 12],
  [28, 64, 64, 2],
  [28, 128, 64, 6],
  [8, 32, 32, 2],
]

/** Features and units. */
export const DENSE: readonly (readonly [number, number])[] = [
  [16, 16],
  [32, 10],
  [64, 64],
  [128, 10],
  [128, 128],
  [256, 100],
  [256, 256],
  [512, 512],
  [640, 128],
  [1024, 100],
  [1024, 300],
]

/** Map, channels in and a number of filters that fills no block, as heads have it, window. */
export const HEADS: readonly (readonly [number, number, number, number])[] = [
  [64, 16, 3, 3],
  [32, 32, 1, 3],
  [28, 64, 21, 1],
  [14, 256, 21, 1],
  [1, 128, 10, 1],
  [7, 256, 30, 1],
  [16, 16, 10, 3],
]

/** Map, a number of channels in that is no multiple of four, filters and window. */
export const ODD_CHANNELS: readonly (readonly [number, number, number, number])[] = [
  [7, 122, 64, 1],
  [14, 58, 58, 1],
  [28, 18, 72, 1],
  [14, 30, 32, 3],
  [28, 18, 24, 3],
  [7, 90, 40, 3],
]

/** Map and channels, no multiple of four, of depthwise convolutions, and their stride. */
export const ODD_DEPTHWISE: readonly (readonly [number, number, number])[] = [
  [7, 122, 1],
  [14, 58, 1],
  [28, 18, 1],
  [28, 58, 2],
  [14, 30, 1],
]

/** Map and channels of functions of each element. */
export const FUNCTION_MAPS: readonly (readonly [number, number])[] = [
  [8, 32],
  [16, 64],
  [32, 32],
  [14, 128],
]

/** Rows and their elements of softmaxes, as attention and the heads of detectors have them. */
export const SOFTMAX_ROWS = [
  [49, 49],
  [64, 64],
  [197, 197],
  [800, 21],
] as const

/** Length, channels in and out, window, groups and stride of convolutions of sequences; the last ones read sound. */
export const SEQUENCES: readonly (readonly [number, number, number, number, number, number?])[] = [
  [128, 8, 32, 5, 1],
  [64, 32, 64, 3, 1],
  [256, 16, 16, 9, 1],
  [1000, 1, 16, 32, 1],
  [512, 32, 32, 3, 1],
  [32, 64, 128, 3, 1],
  [64, 64, 64, 1, 1],
  [128, 128, 128, 3, 1],
  [64, 64, 64, 3, 64],
  [256, 32, 32, 5, 32],
  [32, 128, 128, 3, 128],
  [512, 64, 128, 1, 1],
  [1000, 32, 64, 1, 1],
  [256, 128, 512, 1, 1],
  [200, 128, 32, 1, 1],
  [100, 256, 256, 1, 1],
  [512, 64, 64, 1, 1],
  [16000, 1, 32, 80, 1, 16],
  [8000, 1, 64, 32, 1, 8],
  [4000, 1, 16, 16, 1, 4],
  [1024, 32, 64, 8, 1, 2],
]

/** Map, channels in and out, window and stride of transposed convolutions. */
export const TRANSPOSED: readonly (readonly [number, number, number, number, number])[] = [
  [16, 32, 16, 3, 2],
  [32, 16, 16, 2, 2],
  [8, 64, 32, 4, 2],
  [14, 64, 64, 2, 2],
  [28, 32, 32, 3, 2],
  [8, 32, 8, 3, 2],
]

/** Length and channels of sequences that are pooled, and the window. */
export const POOLED_SEQUENCES = [
  [250, 32, 4],
  [64, 64, 4],
  [500, 32, 2],
  [32, 128, 2],
  [1000, 16, 3],
  [128, 64, 8],
] as const

/** Rows and their elements that are normalised. */
export const NORMALISED = [
  [16, 64],
  [64, 128],
  [100, 192],
  [197, 384],
  [49, 768],
] as const

/** Map, channels in and out of 1×1 convolutions of stride 2. */
export const STRIDED_POINTWISE = [
  [8, 64, 128],
  [14, 320, 784],
  [28, 144, 320],
  [56, 64, 128],
] as const

/** Steps, features and units of recurrent layers. */
export const RECURRENT: readonly (readonly [number, number, number])[] = [
  [16, 16, 32],
  [64, 16, 32],
  [128, 32, 32],
  [32, 64, 128],
  [100, 40, 64],
  [28, 28, 16],
]
