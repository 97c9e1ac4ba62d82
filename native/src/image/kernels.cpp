#include "image/kernels.h"

#include "image/lanes.h"

namespace hb::image::HB_IMAGE_TIER {

void fill_defocus(Kernels& kernels);
void fill_fog(Kernels& kernels);
void fill_gaussian(Kernels& kernels);
void fill_jpeg(Kernels& kernels);
void fill_noise(Kernels& kernels);
void fill_pixelate(Kernels& kernels);
void fill_spatter(Kernels& kernels);

void fill(Kernels& kernels) {
    fill_defocus(kernels);
    fill_fog(kernels);
    fill_gaussian(kernels);
    fill_jpeg(kernels);
    fill_noise(kernels);
    fill_pixelate(kernels);
    fill_spatter(kernels);
}

}  // namespace hb::image::HB_IMAGE_TIER
