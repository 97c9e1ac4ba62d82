package dev.hornbeam.training.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.util.List;
import org.junit.jupiter.api.Test;

final class CudaFactsTest {
    @Test
    void withoutDeviceTheReasonIsTold() throws JsonProcessingException {
        assertEquals(List.of("cuda: not available: no CUDA-capable device is detected"), lines("""
                        {"backend": "cuda", "devices": [], "reason": "no CUDA-capable device is detected",
                         "runtime": "13.0", "driver": null}
                        """));
    }

    @Test
    void devicesVersionsAndLibrariesAreTold() throws JsonProcessingException {
        assertEquals(
                List.of(
                        "cuda:0: NVIDIA H100 80GB HBM3, compute capability 9.0, 132 multiprocessors, 79.2 GiB",
                        "cuda: runtime 13.0, driver for CUDA 13.1, /lib/libhornbeam_cuda.so",
                        "cublas: 13.1.2, /lib/libcublas.so.13",
                        "cudnn: not available: libcudnn.so.9 was not found",
                        "cuda variants: matmul library, conv2d hand"),
                lines("""
                        {"backend": "cuda", "library": "/lib/libhornbeam_cuda.so", "reason": "",
                         "devices": [{"device": "cuda:0", "name": "NVIDIA H100 80GB HBM3", "compute_capability": "9.0",
                                      "multiprocessors": 132, "memory_bytes": 85029158912}],
                         "runtime": "13.0", "driver": "13.1",
                         "libraries": {"cublas": {"file": "/lib/libcublas.so.13", "version": "13.1.2"},
                                       "cudnn": {"reason": "libcudnn.so.9 was not found"}},
                         "variants": {"matmul": "library", "conv2d": "hand"}}
                        """));
    }

    private static List<String> lines(String json) throws JsonProcessingException {
        return CudaFacts.lines(new JsonMapper().readTree(json));
    }
}
