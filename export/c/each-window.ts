/** C that visits the windows over a map, of which `body` may use what lies on the map: rows and columns of the kernel. */
export const eachWindow = (body: string): string => `  for (int32_t y = 0; y < w->out_height; y++) {
    int32_t top = y * w->stride_height - w->pad_top, first_y, end_y;
    inside(top, w->kernel_height, w->height, &first_y, &end_y);
    for (int32_t x = 0; x < w->out_width; x++) {
      int32_t left = x * w->stride_width - w->pad_left, first_x, end_x;
      inside(left, w->kernel_width, w->width, &first_x, &end_x);
${body}    }
  }
`
