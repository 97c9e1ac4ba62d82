package dev.hornbeam.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class TensorTest {
    private TensorScope scope;

    @BeforeEach
    void open() {
        scope = TensorScope.open();
    }

    @AfterEach
    void close() {
        scope.close();
    }

    private static Tensor matrix() {
        return Tensor.of(new float[] {1, 2, 3, 4, 5, 6}, 2, 3);
    }

    @Test
    void factoriesFillShapesAndTypes() {
        assertArrayEquals(new float[6], Tensor.zeros(2, 3).toFloats());
        assertArrayEquals(new float[] {1, 1}, Tensor.ones(2).toFloats());
        assertArrayEquals(
                new double[] {2.5, 2.5},
                Tensor.full(2.5, DType.F64, Device.cpu(), 2).toDoubles());
        assertArrayEquals(
                new long[] {7, 7}, Tensor.full(7, DType.I64, Device.cpu(), 2).toLongs());
        assertEquals(3.5, Tensor.scalar(3.5).item());
        assertEquals(0, Tensor.scalar(3.5).rank());
        assertEquals(DType.I32, Tensor.of(new int[] {1, 2}).dtype());
        assertEquals(DType.U8, Tensor.of(new byte[] {1, 2}).dtype());
        assertArrayEquals(new long[] {2, 3}, matrix().shape());
        assertEquals(6, matrix().elements());
        assertEquals(3, matrix().size(-1));
        assertEquals(2, matrix().size(0));
        assertEquals(Device.cpu(), matrix().device());
    }

    @Test
    void randomTensorsAreTheStreamsNumbers() {
        Philox stream = new Philox(42, Philox.Purpose.TEST, 3, 5, 7);
        float[] uniform = Tensor.randomUniform(0, 1, stream, Device.cpu(), 2, 5).toFloats();
        float[] normal = Tensor.randomNormal(0, 1, stream, Device.cpu(), 2, 5).toFloats();
        for (int i = 0; i < 10; i++) {
            assertEquals(stream.uniform(i), uniform[i]);
            assertEquals(stream.normal(i), normal[i]);
        }
    }

    @Test
    void conversionsToJavaArrays() {
        Tensor x = Tensor.of(new float[] {-1.5f, 0, 254.9f, 300}, 4);
        assertArrayEquals(new float[] {-1.5f, 0, 254.9f, 300}, x.toFloats());
        assertArrayEquals(new long[] {-1, 0, 254, 300}, x.toLongs());
        assertArrayEquals(new byte[] {0, 0, (byte) 254, (byte) 255}, x.toBytes());
        assertArrayEquals(new double[] {-1.5, 0, 254.9f, 300}, x.toDoubles());
        assertEquals(1L << 60, Tensor.of(new long[] {1L << 60}).itemLong());
    }

    @Test
    void viewsShareMemoryAndReadInTheirOrder() {
        Tensor x = matrix();
        Tensor transposed = x.transpose(0, 1);
        assertTrue(x.sharesStorage(transposed));
        assertFalse(transposed.isDense());
        assertArrayEquals(new float[] {1, 4, 2, 5, 3, 6}, transposed.toFloats());
        assertArrayEquals(new float[] {4, 5, 6}, x.select(0, 1).toFloats());
        assertArrayEquals(new float[] {3, 6}, x.select(1, 2).toFloats());
        assertArrayEquals(new float[] {1, 3, 4, 6}, x.slice(1, 0, 3, 2).toFloats());
        assertArrayEquals(new long[] {2, 1, 3}, x.unsqueeze(1).shape());
        assertArrayEquals(new long[] {2, 3, 1}, x.unsqueeze(-1).shape());
        assertArrayEquals(new long[] {2, 12}, Tensor.zeros(2, 3, 4).flatten(1).shape());
        assertArrayEquals(new float[] {7, 7, 7}, Tensor.scalar(7).expand(3).toFloats());
        x.fill(9);
        assertArrayEquals(new float[] {9, 9, 9, 9, 9, 9}, transposed.toFloats());
        assertFalse(x.copy().sharesStorage(x));
    }

    @Test
    void partsAreReadAndWrittenInRowMajorOrderOfViewsToo() {
        Tensor x = matrix();
        float[] part = new float[5];
        x.read(2, part, 1, 3);
        assertArrayEquals(new float[] {0, 3, 4, 5, 0}, part);
        x.transpose(0, 1).read(1, part, 0, 2);
        assertArrayEquals(new float[] {4, 2, 4, 5, 0}, part);
        x.write(4, new float[] {-1, -5, -6}, 1, 2);
        assertArrayEquals(new float[] {1, 2, 3, 4, -5, -6}, x.toFloats());
        x.transpose(0, 1).write(1, new float[] {40, 20}, 0, 2);
        assertArrayEquals(new float[] {1, 20, 3, 40, -5, -6}, x.toFloats());
        assertThrows(TensorArgumentException.class, () -> x.read(4, part, 0, 3));
        assertThrows(TensorArgumentException.class, () -> x.read(-1, part, 0, 1));
        assertThrows(TensorArgumentException.class, () -> x.read(0, part, 3, 3));
        assertThrows(TensorArgumentException.class, () -> x.write(0, new long[1], 0, 1));
    }

    @Test
    void buffersOfBothKindsAreReadAndWritten() {
        for (ByteBuffer buffer : new ByteBuffer[] {ByteBuffer.allocate(40), ByteBuffer.allocateDirect(40)}) {
            buffer.order(ByteOrder.nativeOrder()).position(8);
            matrix().read(buffer);
            assertEquals(32, buffer.position());
            assertEquals(3, buffer.getFloat(16));
            buffer.position(8);
            Tensor back = Tensor.zeros(3, 2);
            back.write(buffer);
            assertArrayEquals(new float[] {1, 2, 3, 4, 5, 6}, back.toFloats());
            assertThrows(TensorArgumentException.class, () -> matrix().read(buffer));
        }
    }

    @Test
    void copyFromConvertsAndBroadcasts() {
        Tensor x = Tensor.zeros(2, 2);
        x.copyFrom(Tensor.of(new long[] {1, 2}));
        assertArrayEquals(new float[] {1, 2, 1, 2}, x.toFloats());
        x.copyFrom(new float[] {5, 6, 7, 8});
        assertArrayEquals(new float[] {5, 6, 7, 8}, x.toFloats());
        assertThrows(TensorArgumentException.class, () -> x.copyFrom(new float[3]));
        assertArrayEquals(
                new long[] {3, 4},
                Tensor.of(new long[2]).copyFrom(new long[] {3, 4}).toLongs());
        assertArrayEquals(
                new byte[] {3, 4},
                Tensor.of(new byte[2]).copyFrom(new byte[] {3, 4}).toBytes());
    }

    @Test
    void rowsAreSetAndAdded() {
        Tensor x = Tensor.zeros(3, 2);
        Tensor index = Tensor.of(new long[] {2, 0, 2});
        Tensor rows = Tensor.of(new float[] {1, 2, 3, 4, 5, 6}, 3, 2);
        assertArrayEquals(new float[] {3, 4, 0, 0, 5, 6}, x.setRows(index, rows).toFloats());
        assertArrayEquals(
                new float[] {6, 8, 0, 0, 11, 14}, x.addRows(index, rows).toFloats());
        assertArrayEquals(
                new float[] {11, 14, 6, 8},
                x.gatherRows(Tensor.of(new long[] {2, 0})).toFloats());
        assertArrayEquals(
                new float[] {8, 0, 11},
                x.takeAlongRows(Tensor.of(new long[] {1, 0, 0})).toFloats());
    }

    @Test
    void selectionOps() {
        Tensor x = Tensor.of(new float[] {3, 9, 1, 5}, 2, 2);
        assertArrayEquals(new long[] {1, 1}, x.argMax().toLongs());
        var top = Tensor.of(new float[] {3, 9, 1, 9}).topK(3);
        assertArrayEquals(new float[] {9, 9, 3}, top.values().toFloats());
        assertArrayEquals(new long[] {1, 3, 0}, top.indices().toLongs());
        var sorted = Tensor.of(new float[] {3, 9, 1}).sort(false);
        assertArrayEquals(new float[] {1, 3, 9}, sorted.values().toFloats());
        assertArrayEquals(new long[] {2, 0, 1}, sorted.permutation().toLongs());
        assertArrayEquals(
                new float[] {3, 0, 0, 5},
                Tensor.of(new byte[] {1, 0, 0, 1}, 2, 2)
                        .where(x, Tensor.scalar(0))
                        .toFloats());
        assertArrayEquals(new byte[] {1, 1, 0, 1}, x.ge(3).toBytes());
        assertArrayEquals(
                new float[] {0, 1, 2, 0, 3, 4},
                Tensor.concat(1, Tensor.zeros(2, 1), Tensor.of(new float[] {1, 2, 3, 4}, 2, 2))
                        .toFloats());
    }

    @Test
    void itemNeedsOneElement() {
        assertEquals(4, Tensor.of(new long[] {4}).item());
        var error = assertThrows(TensorArgumentException.class, () -> matrix().item());
        assertTrue(error.getMessage().contains("f32[2, 3]"), error.getMessage());
        assertThrows(TensorArgumentException.class, () -> matrix().itemLong());
    }

    @Test
    void bf16IsForStorage() {
        Tensor half = matrix().cast(DType.BF16);
        assertEquals(DType.BF16, half.dtype());
        assertArrayEquals(new float[] {1, 2, 3, 4, 5, 6}, half.toFloats());
        assertEquals(3.140625f, Tensor.scalar(3.1415927).cast(DType.BF16).toFloats()[0]);
    }

    @Test
    void emptyTensorsWork() {
        Tensor none = Tensor.zeros(0, 3);
        assertEquals(0, none.elements());
        assertArrayEquals(new float[0], none.toFloats());
        assertArrayEquals(new long[] {0, 3}, none.add(1).shape());
        assertEquals(0, none.sum().item());
    }

    @Test
    void textShowsSmallTensors() {
        assertEquals("Tensor(f32[2] [1.0, 2.0])", Tensor.of(new float[] {1, 2}).toString());
        assertEquals(
                "Tensor(i64[20])", Tensor.zeros(DType.I64, Device.cpu(), 20).toString());
        Tensor closed = Tensor.zeros(2);
        closed.close();
        assertEquals("Tensor(closed, f32[2])", closed.toString());
    }

    @Test
    void devicesHaveNames() {
        assertEquals(Device.cpu(), Device.parse("cpu"));
        assertEquals(Device.cuda(1), Device.parse("cuda:1"));
        assertEquals("cuda:1", Device.cuda(1).toString());
        assertEquals(Device.cuda(0), Device.parse("cuda"));
        for (Device device : new Device[] {Device.cpu(), Device.nothing(), Device.cuda(3)}) {
            assertEquals(device, Device.ofCode(device.code()));
            assertEquals(device, Device.parse(device.toString()));
        }
        for (String wrong : new String[] {"gpu", "cuda:", "cuda:x", "cuda:1000", "", "CPU"}) {
            assertThrows(TensorArgumentException.class, () -> Device.parse(wrong), wrong);
        }
    }

    @Test
    void theNullDeviceKeepsShapesOnly() {
        Tensor x = Tensor.zeros(DType.F32, Device.nothing(), 2, 3);
        Tensor y = x.add(x).relu().matmul(x, false, true);
        assertEquals(Device.nothing(), y.device());
        assertArrayEquals(new long[] {2, 2}, y.shape());
    }
}
