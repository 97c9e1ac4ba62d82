/** Networks as ONNX files, for inference by other programs. See docs/onnx.md. */
package dev.hornbeam.models.onnx;
