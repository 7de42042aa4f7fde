"""Super-resolution with Swift-SRGAN: depthwise separable generator and discriminator, beside SRGAN and ESRGAN."""
