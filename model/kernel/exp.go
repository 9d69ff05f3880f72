package kernel

import "math"

// exp32 is eˣ within 2 ULP for results that are normal numbers; smaller ones are 0,
// larger ones +Inf. It is 2ⁿ·eʳ with n = round(x/ln 2), |r| ≤ ln 2 / 2, ln 2 in two parts
// (Cody and Waite) and a polynomial of degree 6. The assembly takes the same steps.
func exp32(x float32) float32 {
	switch {
	case x != x:
		return x
	case x > expMax:
		return float32(math.Inf(1))
	case x < expMin:
		return 0
	}
	n := roundMagic + float32(x*log2e)
	n -= roundMagic
	r := x - float32(n*ln2High)
	r -= float32(n * ln2Low)
	p := float32(expC6*r) + expC5
	p = float32(p*r) + expC4
	p = float32(p*r) + expC3
	p = float32(p*r) + expC2
	p = float32(p*float32(r*r)) + r + 1
	return p * math.Float32frombits(uint32(int32(n)+127)<<23)
}

const (
	expMax     = 88.3762   // above it n would be 128
	expMin     = -87.33654 // below it the result is subnormal
	roundMagic = 3 << 22   // adding it rounds a float32 to an integer
	log2e      = 1.44269504088896341
	ln2High    = 0.693359375 // nine bits: n·ln2High is exact
	ln2Low     = -2.12194440e-4

	// (eʳ − 1 − r)/r² on |r| ≤ ln 2 / 2: eʳ to 2⁻²⁸ of itself at worst.
	expC2 = 4.9999993432e-1
	expC3 = 1.6666520398e-1
	expC4 = 4.1668390796e-2
	expC5 = 8.3687452458e-3
	expC6 = 1.3814540006e-3
)

// sigmoid32 stays what it is at ±87 beyond, so that there are no subnormal numbers, which
// are slow.
func sigmoid32(x float32) float32 { return 1 / (1 + exp32(max(-87, min(-x, 87)))) }

// tanh32 is an odd polynomial near 0, where 1 − 2/(e²ˣ+1) would cancel.
func tanh32(x float32) float32 {
	a := x
	if a < 0 {
		a = -a
	}
	if a < tanhSmall {
		z := float32(x * x)
		p := float32(tanhC4*z) + tanhC3
		p = float32(p*z) + tanhC2
		p = float32(p*z) + tanhC1
		p = float32(p*z) + tanhC0
		return x + float32(float32(p*z)*x)
	}
	t := 1 - 2/(exp32(2*a)+1)
	if x < 0 {
		return -t
	}
	return t
}

// (tanh x − x)/x³ in x² on |x| < tanhSmall, from Moshier's Cephes.
const (
	tanhSmall = 0.625
	tanhC0    = -3.33332819422e-1
	tanhC1    = 1.33314422036e-1
	tanhC2    = -5.37397155531e-2
	tanhC3    = 2.06390887954e-2
	tanhC4    = -5.70498872745e-3
)

// log32 is ln x within 1.5 ULP, where x > 0 is a normal number: e·ln 2 + ln m with m in [√½, √2)
// and a polynomial in m − 1. The assembly takes the same steps.
func log32(x float32) float32 {
	const half = 0x3f3504f3 // the bits of √½
	bits := math.Float32bits(x)
	exponent := int32(bits-half) >> 23
	e, f := float32(exponent), math.Float32frombits(bits-uint32(exponent)<<23)-1
	p := float32(logC[0])
	for _, c := range logC[1:] {
		p = float32(p*f) + c
	}
	z := float32(f * f)
	p = float32(float32(p*f)*z) + float32(e*ln2Low)
	p -= float32(z * 0.5)
	return f + p + float32(e*ln2High)
}

// (ln(1+f) − f + f²/2)/f³, from Moshier's Cephes.
var logC = [...]float32{7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1,
	-1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1}
