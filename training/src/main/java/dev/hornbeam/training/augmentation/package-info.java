/** Random changes to training images: crops, colours, RandAugment, AugMix, erasing, and mixtures of two images. */
package dev.hornbeam.training.augmentation;
