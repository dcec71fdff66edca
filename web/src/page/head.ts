/** A head from a GLB file: its meshes, its expression, its eyes and the camera of its photo. */
import { Bone, Box3, type Group, Mesh, type Object3D, Quaternion, Vector3 } from "three";
import { type GLTF, GLTFLoader } from "three/addons/loaders/GLTFLoader.js";
import type { GltfCamera } from "./contents.ts";
import { type Light, type Look, SIGMA, Surfaces } from "./looks.ts";
import { MorphedMesh } from "./morphs.ts";

/**
 * Turns of an eye at weight 1, as axis and angle in radians, by what follows `eyeLook`: those of the face model that
 * monoface ships (`gaze_rad` of its eyes). `In` is towards the nose.
 */
const GAZE: Record<"left" | "right", Record<string, [number, number, number]>> = {
  left: { Up: [-0.35, 0, 0], Down: [0.45, 0, 0], In: [0, -0.5, 0], Out: [0, 0.5, 0] },
  right: { Up: [-0.35, 0, 0], Down: [0.45, 0, 0], In: [0, 0.5, 0], Out: [0, -0.5, 0] },
};

const EYE_NODES: Record<"left" | "right", RegExp> = {
  left: /^(eye[_.]?left|left[_.]?eye)$/i,
  right: /^(eye[_.]?right|right[_.]?eye)$/i,
};

/**
 * The heat map's scale ends where so large a part of the vertices is surer: most of these are of the face, and neck and
 * shoulders, of which a photo tells little, would leave one colour to it.
 */
const COVERED = 0.6;

export class Head {
  readonly scene: Group;
  /** Names of the expressions that the file has. */
  readonly names: string[];
  readonly gltf: GLTF;
  /** Weights as the file has them. */
  readonly filed: Record<string, number>;
  /** Bounds of the neutral head, in metres. */
  readonly bounds: Box3;
  /** The end of the heat map's scale; null if the file does not tell how sure it is. */
  readonly mostSigmaMm: number | null;
  private readonly meshes: MorphedMesh[];
  private readonly surfaces: Surfaces[];
  private readonly eyes: Eye[];

  static async load(bytes: ArrayBuffer): Promise<Head> {
    return new Head(await new GLTFLoader().parseAsync(bytes, ""));
  }

  private constructor(gltf: GLTF) {
    this.gltf = gltf;
    this.scene = gltf.scene;
    this.scene.updateMatrixWorld(true);
    const meshes: Mesh[] = [];
    this.scene.traverse((one) => {
      if (one instanceof Mesh) meshes.push(one);
    });
    this.surfaces = meshes.map((mesh) => new Surfaces(mesh));
    this.meshes = meshes.map((mesh) => new MorphedMesh(mesh));
    this.names = [...new Set(this.meshes.flatMap((one) => one.names))];
    this.filed = this.weights();
    this.bounds = new Box3();
    for (const mesh of meshes) {
      mesh.frustumCulled = false;
      this.bounds.union(new Box3().setFromObject(mesh));
    }
    this.mostSigmaMm = highSigma(meshes);
    this.eyes = (["left", "right"] as const).flatMap((side) => {
      const node = eyeNode(this.scene, EYE_NODES[side]);
      return node === null ? [] : [new Eye(node, side, this.filed)];
    });
    this.apply();
  }

  /** Weight of each expression. */
  weights(): Record<string, number> {
    const found: Record<string, number> = {};
    for (const one of this.meshes) one.names.forEach((name, index) => (found[name] ??= one.weights[index] ?? 0));
    return found;
  }

  setWeights(weights: Readonly<Record<string, number>>): void {
    for (const one of this.meshes) {
      one.names.forEach((name, index) => {
        const weight = weights[name];
        if (weight !== undefined) one.weights[index] = weight;
      });
    }
    this.apply();
  }

  /** Bring vertices, normals and eyes to where the weights have them; whether that changed anything. */
  apply(): boolean {
    // Every mesh, not only up to the first one that changed.
    const changed = this.meshes.map((one) => one.apply()).some(Boolean);
    if (changed) for (const eye of this.eyes) eye.turn(this.weights());
    return changed;
  }

  show(look: Look, light: Light): void {
    for (const one of this.surfaces) one.show(look, light, this.mostSigmaMm ?? 1);
  }

  /** Whether the light of a photo lies in the texture. */
  get hasPhotoLight(): boolean {
    return !this.surfaces.some((one) => one.lit);
  }

  /** The camera of the photo, as the file has it. */
  get camera(): GltfCamera | null {
    const { nodes = [], cameras = [] } = this.gltf.parser.json as { nodes?: FileNode[]; cameras?: GltfCamera["lens"][] };
    const node = nodes.find((one) => one.camera !== undefined);
    const lens = cameras[node?.camera ?? -1];
    if (node === undefined || lens?.extras?.view_px === undefined) return null;
    return {
      lens,
      node: { translation: node.translation ?? [0, 0, 0], rotation: node.rotation ?? [0, 0, 0, 1] },
    };
  }

  /** Bytes and type of the first picture in the file, which is the texture; null if there is none. */
  async texture(): Promise<Blob | null> {
    const { images = [] } = this.gltf.parser.json as { images?: { bufferView?: number; mimeType?: string }[] };
    const image = images[0];
    if (image?.bufferView === undefined) return null;
    const bytes = (await this.gltf.parser.getDependency("bufferView", image.bufferView)) as ArrayBuffer;
    return new Blob([bytes], { type: image.mimeType ?? "image/png" });
  }
}

interface FileNode {
  camera?: number;
  translation?: [number, number, number];
  rotation?: [number, number, number, number];
}

/** An eye that looks where the expression says. */
class Eye {
  private readonly node: Object3D;
  private readonly side: "left" | "right";
  /** Turn of the node where the eye looks straight ahead. */
  private readonly ahead: Quaternion;

  constructor(node: Object3D, side: "left" | "right", filed: Readonly<Record<string, number>>) {
    this.node = node;
    this.side = side;
    this.ahead = gaze(side, filed).invert().multiply(node.quaternion);
  }

  turn(weights: Readonly<Record<string, number>>): void {
    this.node.quaternion.copy(gaze(this.side, weights).multiply(this.ahead));
  }
}

function gaze(side: "left" | "right", weights: Readonly<Record<string, number>>): Quaternion {
  const turn = new Vector3();
  const ending = side === "left" ? "Left" : "Right";
  for (const [direction, [x, y, z]] of Object.entries(GAZE[side])) {
    turn.addScaledVector(new Vector3(x, y, z), weights[`eyeLook${direction}${ending}`] ?? 0);
  }
  const angle = turn.length();
  return new Quaternion().setFromAxisAngle(angle > 0 ? turn.divideScalar(angle) : turn, angle);
}

/** What turns an eye: its bone, or else its mesh. */
function eyeNode(scene: Group, name: RegExp): Object3D | null {
  const found: Object3D[] = [];
  scene.traverse((one) => {
    if (name.test(one.name)) found.push(one);
  });
  return found.find((one) => one instanceof Bone) ?? found[0] ?? null;
}

function highSigma(meshes: readonly Mesh[]): number | null {
  const values = meshes.flatMap((mesh) => Array.from(mesh.geometry.getAttribute(SIGMA)?.array ?? []));
  if (values.length === 0) return null;
  values.sort((one, other) => one - other);
  // Half millimetres make a scale that one can read.
  return Math.ceil(2 * (values[Math.floor(COVERED * (values.length - 1))] as number)) / 2;
}
