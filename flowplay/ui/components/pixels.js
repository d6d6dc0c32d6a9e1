/**
 * Paint colours on a canvas, a square for each pixel.
 * @param {HTMLCanvasElement} canvas
 * @param {Uint8Array} colours  3 bytes for each pixel, from `at` on
 * @param {number} at
 * @param {number} height
 * @param {number} width
 */
function paint(canvas, colours, at, height, width) {
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const image = new ImageData(width, height);
  for (let p = 0; p < width * height; p++) {
    for (let c = 0; c < 3; c++) image.data[4 * p + c] = colours[at + 3 * p + c];
    image.data[4 * p + 3] = 255;
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}
