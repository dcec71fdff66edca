/**
 * Morphs and normals of a mesh, computed here and not on the graphics card: the files have no morphs for normals, and
 * a smile that is lit as a neutral face looks flat.
 */
import type { BufferAttribute, BufferGeometry, Mesh } from "three";

/** A morph as rows of the vertices that it moves. */
interface Sparse {
  rows: Uint32Array;
  offsets: Float32Array;
}

export class MorphedMesh {
  readonly mesh: Mesh;
  /** Names of the morphs, in the order of `mesh.morphTargetInfluences`. */
  readonly names: string[];
  private readonly neutral: Float32Array;
  private readonly dense: Float32Array[];
  private readonly sparse: (Sparse | undefined)[];
  private readonly weld: Uint32Array;
  private applied: number[] | null = null;

  constructor(mesh: Mesh) {
    this.mesh = mesh;
    const geometry = mesh.geometry;
    this.names = namesOf(mesh);
    this.dense = (geometry.morphAttributes.position ?? []).map((one) => one.array as Float32Array);
    this.sparse = new Array(this.dense.length);
    // From now on the morphs are ours: three.js would add them once more.
    geometry.morphAttributes = {};
    const position = geometry.getAttribute("position") as BufferAttribute;
    this.neutral = (position.array as Float32Array).slice();
    this.weld = weldOf(this.neutral);
    if (geometry.getAttribute("normal") === undefined) geometry.computeVertexNormals();
  }

  /** Weights of the morphs, which the next `apply` heeds. */
  get weights(): number[] {
    return this.mesh.morphTargetInfluences ?? [];
  }

  /** Move the vertices to where the weights have them; whether that changed anything. */
  apply(): boolean {
    const weights = this.weights;
    if (this.applied !== null && weights.every((weight, index) => weight === this.applied?.[index])) return false;
    this.applied = weights.slice();
    const position = this.mesh.geometry.getAttribute("position") as BufferAttribute;
    const verts = position.array as Float32Array;
    verts.set(this.neutral);
    weights.forEach((weight, index) => {
      if (weight !== 0 && index < this.dense.length) addScaled(verts, this.sparseOf(index), weight);
    });
    position.needsUpdate = true;
    if (this.dense.length > 0) writeNormals(this.mesh.geometry, this.weld);
    return true;
  }

  private sparseOf(index: number): Sparse {
    let found = this.sparse[index];
    if (found === undefined) {
      found = toSparse(this.dense[index] as Float32Array);
      this.sparse[index] = found;
    }
    return found;
  }
}

function namesOf(mesh: Mesh): string[] {
  const names: string[] = [];
  for (const [name, index] of Object.entries(mesh.morphTargetDictionary ?? {})) names[index] = name;
  return names;
}

function toSparse(dense: Float32Array): Sparse {
  const rows: number[] = [];
  for (let row = 0; row * 3 < dense.length; row++) {
    if (dense[row * 3] !== 0 || dense[row * 3 + 1] !== 0 || dense[row * 3 + 2] !== 0) rows.push(row);
  }
  const offsets = new Float32Array(rows.length * 3);
  rows.forEach((row, place) => offsets.set(dense.subarray(row * 3, row * 3 + 3), place * 3));
  return { rows: Uint32Array.from(rows), offsets };
}

function addScaled(verts: Float32Array, morph: Sparse, weight: number): void {
  const { rows, offsets } = morph;
  for (let place = 0; place < rows.length; place++) {
    const row = (rows[place] as number) * 3;
    for (let axis = 0; axis < 3; axis++) {
      verts[row + axis] = (verts[row + axis] as number) + weight * (offsets[place * 3 + axis] as number);
    }
  }
}

/** For each vertex the first one at its place: along seams of the texture, vertices are doubled. */
function weldOf(verts: Float32Array): Uint32Array {
  const first = new Map<string, number>();
  const weld = new Uint32Array(verts.length / 3);
  for (let row = 0; row < weld.length; row++) {
    const key = `${verts[row * 3]} ${verts[row * 3 + 1]} ${verts[row * 3 + 2]}`;
    const known = first.get(key);
    if (known === undefined) first.set(key, row);
    weld[row] = known ?? row;
  }
  return weld;
}

/** Normals of vertices, the mean of those of their triangles by area. */
function writeNormals(geometry: BufferGeometry, weld: Uint32Array): void {
  const verts = geometry.getAttribute("position").array as Float32Array;
  const index = geometry.index?.array ?? new Uint32Array(verts.length / 3).map((_, row) => row);
  const sums = new Float32Array(verts.length);
  const at = (array: ArrayLike<number>, place: number): number => array[place] as number;
  for (let corner = 0; corner < index.length; corner += 3) {
    const [a, b, c] = [at(index, corner) * 3, at(index, corner + 1) * 3, at(index, corner + 2) * 3];
    const [ax, ay, az] = [at(verts, a), at(verts, a + 1), at(verts, a + 2)];
    const [ux, uy, uz] = [at(verts, b) - ax, at(verts, b + 1) - ay, at(verts, b + 2) - az];
    const [vx, vy, vz] = [at(verts, c) - ax, at(verts, c + 1) - ay, at(verts, c + 2) - az];
    const [x, y, z] = [uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx];
    for (const row of [a, b, c]) {
      const place = at(weld, row / 3) * 3;
      sums[place] = at(sums, place) + x;
      sums[place + 1] = at(sums, place + 1) + y;
      sums[place + 2] = at(sums, place + 2) + z;
    }
  }
  const attribute = geometry.getAttribute("normal") as BufferAttribute;
  const normals = attribute.array as Float32Array;
  for (let row = 0; row < weld.length; row++) {
    const place = at(weld, row) * 3;
    const length = Math.hypot(at(sums, place), at(sums, place + 1), at(sums, place + 2)) || 1;
    for (let axis = 0; axis < 3; axis++) normals[row * 3 + axis] = at(sums, place + axis) / length;
  }
  attribute.needsUpdate = true;
}
