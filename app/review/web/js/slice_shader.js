/**
 * What a pixel of a slice shows, in GLSL: NiiVue's custom slice shader. The window and the slab are
 * worked out for each pixel, so that neither costs a new upload. `texPos` is NiiVue's place in the
 * frame, 0 to 1; `axCorSag` 0, 1, 2 for axial, coronal, sagittal.
 */

/** Texture units, above those that NiiVue draws with. */
export const UNITS = { coarse: 11, fine: 12, outlines: 13, brush: 14, palette: 15 };

export const SLICE_SHADER = `#version 300 es
precision highp int;
precision highp float;
uniform highp sampler3D coarse;
uniform highp sampler3D fine;
uniform highp usampler3D outlines;
uniform highp usampler3D brush;
uniform highp sampler2D palette;
uniform mat4 toCoarse;
uniform mat4 toFine;
uniform mat4 toOutlines;
uniform mat4 toBrush;
uniform vec2 range;
uniform vec3 slabStep;
uniform ivec3 slabCount;
uniform int axCorSag;
uniform int showOutlines;
uniform int selected;
in vec3 texPos;
out vec4 color;

bool inside(vec3 p) { return all(greaterThanEqual(p, vec3(0.0))) && all(lessThanEqual(p, vec3(1.0))); }

float hu(vec3 place) {
  vec3 p = (toFine * vec4(place, 1.0)).xyz;
  if (inside(p)) return texture(fine, p).r;
  p = (toCoarse * vec4(place, 1.0)).xyz;
  return inside(p) ? texture(coarse, p).r : -3000.0;
}

uint labelAt(vec3 place) {
  vec3 p = (toOutlines * vec4(place, 1.0)).xyz;
  return inside(p) ? texture(outlines, p).r : 0u;
}

uint paintAt(vec3 place) {
  vec3 p = (toBrush * vec4(place, 1.0)).xyz;
  return inside(p) ? texture(brush, p).r : 0u;
}

void main() {
  vec3 pixelX = dFdx(texPos);
  vec3 pixelY = dFdy(texPos);
  int axis = axCorSag == 0 ? 2 : axCorSag == 1 ? 1 : 0;
  float value = hu(texPos);
  vec3 along = vec3(0.0);
  along[axis] = slabStep[axis];
  for (int k = 1; k <= slabCount[axis]; ++k) {
    value = max(value, max(hu(texPos + float(k) * along), hu(texPos - float(k) * along)));
  }
  float grey = clamp((value - range.x) / (range.y - range.x), 0.0, 1.0);
  color = vec4(vec3(value < -2999.0 ? 0.0 : grey), 1.0);
  if (showOutlines > 0) {
    uint label = labelAt(texPos);
    if (label > 0u) {
      float width = int(label) == selected ? 2.0 : 1.25;
      vec3 x = pixelX * width;
      vec3 y = pixelY * width;
      bool edge = labelAt(texPos + x) != label || labelAt(texPos - x) != label
        || labelAt(texPos + y) != label || labelAt(texPos - y) != label;
      vec4 ink = texelFetch(palette, ivec2(int(label), 0), 0);
      if (edge) color.rgb = mix(color.rgb, ink.rgb, ink.a);
    }
  }
  if (paintAt(texPos) > 0u) {
    vec3 x = pixelX * 1.5;
    vec3 y = pixelY * 1.5;
    bool edge = paintAt(texPos + x) == 0u || paintAt(texPos - x) == 0u
      || paintAt(texPos + y) == 0u || paintAt(texPos - y) == 0u;
    color.rgb = mix(color.rgb, vec3(0.25, 0.95, 1.0), edge ? 0.95 : 0.22);
  }
}`;
