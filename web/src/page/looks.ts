/** The ways to look at a head: what its surfaces are made of in each of them. */
import {
  BufferAttribute,
  Color,
  type Material,
  type Mesh,
  MeshBasicMaterial,
  MeshLambertMaterial,
  MeshNormalMaterial,
  MeshStandardMaterial,
  type Texture,
} from "three";

export type Look = "textured" | "clay" | "wire" | "normals" | "uncertainty";

/** `photo` is the light that lies in the texture; the others shine from there, seen from the viewer. */
export type Light = "photo" | "front" | "left" | "right" | "above" | "below";

const CLAY = 0xd6c6b8;
const WIRE = 0x2f6fdb;

/** Attribute of vertices with the standard deviation of their places, in millimetres. */
export const SIGMA = "_sigma_mm";

/** Viridis at equal steps, from low to high: read alike with any colour vision, and in grey. */
export const SCALE = ["#440154", "#443983", "#31688e", "#21918c", "#35b779", "#90d743", "#fde725"];

/** Materials of one mesh, each made when it is first looked at. */
export class Surfaces {
  private readonly mesh: Mesh;
  private readonly file: Material;
  private readonly made = new Map<string, Material | Material[]>();

  constructor(mesh: Mesh) {
    this.mesh = mesh;
    this.file = Array.isArray(mesh.material) ? (mesh.material[0] as Material) : mesh.material;
  }

  /** Whether the file leaves the light to its viewer. */
  get lit(): boolean {
    return !(this.file instanceof MeshBasicMaterial);
  }

  /** The picture on the surface, if it has one. */
  get texture(): Texture | null {
    return (this.file as MeshBasicMaterial).map ?? null;
  }

  show(look: Look, light: Light, mostMm: number): void {
    const key = look === "textured" ? `${look} ${light === "photo" ? "photo" : "lit"}` : look;
    let material = this.made.get(key);
    if (material === undefined) {
      material = this.make(look, light, mostMm);
      this.made.set(key, material);
    }
    const { geometry } = this.mesh;
    geometry.clearGroups();
    // A mesh with two materials is drawn once with each, where both have a group of all triangles.
    if (Array.isArray(material)) material.forEach((_, index) => geometry.addGroup(0, Infinity, index));
    this.mesh.material = material;
  }

  private make(look: Look, light: Light, mostMm: number): Material | Material[] {
    switch (look) {
      case "textured":
        return this.lit || light === "photo" ? this.file : this.relit();
      case "clay":
        return new MeshStandardMaterial({ color: CLAY, roughness: 0.72 });
      case "wire":
        return [
          new MeshBasicMaterial({ color: 0xffffff, polygonOffset: true, polygonOffsetFactor: 1, polygonOffsetUnits: 1 }),
          new MeshBasicMaterial({ color: WIRE, wireframe: true }),
        ];
      case "normals":
        return new MeshNormalMaterial();
      case "uncertainty":
        return this.heated(mostMm);
    }
  }

  private relit(): Material {
    const { map, color, side } = this.file as MeshBasicMaterial;
    return new MeshStandardMaterial({ map, color, side, roughness: 0.8 });
  }

  private heated(mostMm: number): Material {
    const { geometry } = this.mesh;
    const sigma = geometry.getAttribute(SIGMA);
    if (sigma === undefined) return new MeshLambertMaterial({ color: 0x9a9a9a });
    const colours = new Float32Array(sigma.count * 3);
    const colour = new Color();
    for (let row = 0; row < sigma.count; row++) {
      heat(sigma.getX(row) / mostMm, colour).toArray(colours, row * 3);
    }
    geometry.setAttribute("color", new BufferAttribute(colours, 3));
    return new MeshLambertMaterial({ vertexColors: true });
  }
}

/** Colour of a value between 0 and 1; others take the colour of the nearer end. */
function heat(value: number, into: Color): Color {
  const place = Math.min(Math.max(value, 0), 1) * (SCALE.length - 1);
  const low = Math.min(Math.floor(place), SCALE.length - 2);
  return into.set(SCALE[low] as string).lerp(new Color(SCALE[low + 1]), place - low);
}
