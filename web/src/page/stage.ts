/** The stage: a head under lights, seen by a camera that one turns, or by the photo's. */
import {
  type Camera,
  DirectionalLight,
  HemisphereLight,
  MathUtils,
  Matrix4,
  OrthographicCamera,
  PerspectiveCamera,
  Quaternion,
  Scene,
  Spherical,
  Vector3,
  WebGLRenderer,
} from "three";
import { OrbitControls } from "three/addons/controls/OrbitControls.js";
import type { GltfCamera } from "./contents.ts";
import type { Head } from "./head.ts";
import type { Light, Look } from "./looks.ts";

/** Views by name: turn around the head and height above it, in degrees. */
export const VIEWS = { front: [0, 0], left: [90, 0], right: [-90, 0], quarter: [35, 8] } as const;
export type View = keyof typeof VIEWS;

/** Part of the photo that lies on the stage: left and top of the stage in pixels of the photo, and its scale. */
export interface Placement {
  left: number;
  top: number;
  scale: number;
}

const FIELD_OF_VIEW_DEG = 24;
const TURN_MS = 350;
/** Where a key light stands, seen from the viewer: to the right, up and towards the viewer. */
const KEYS: Record<Light, [number, number, number]> = {
  photo: [0.35, 0.45, 1],
  front: [0.35, 0.45, 1],
  left: [-1, 0.25, 0.35],
  right: [1, 0.25, 0.35],
  above: [0, 1, 0.35],
  below: [0, -1, 0.45],
};

export class Stage {
  readonly canvas: HTMLCanvasElement;
  private readonly renderer: WebGLRenderer;
  private readonly scene = new Scene();
  private readonly orbit = new PerspectiveCamera(FIELD_OF_VIEW_DEG, 1, 0.01, 20);
  private readonly controls: OrbitControls;
  private readonly key = new DirectionalLight(0xffffff, 2.4);
  private readonly sky = new HemisphereLight(0xffffff, 0x8d8379, 1.1);
  private photo: { camera: GltfCamera; placement: Placement } | null = null;
  private head: Head | null = null;
  private light: Light = "photo";
  private pending = 0;
  private turning = 0;

  /** Throws if the browser has no WebGL. */
  constructor(canvas: HTMLCanvasElement) {
    this.canvas = canvas;
    this.renderer = new WebGLRenderer({ canvas, antialias: true, alpha: true });
    this.scene.add(this.key, this.key.target, this.sky);
    this.controls = new OrbitControls(this.orbit, canvas);
    this.controls.enablePan = false;
    this.controls.rotateSpeed = 0.8;
    this.controls.addEventListener("start", () => this.stopTurning());
    this.controls.addEventListener("change", () => this.draw());
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  setHead(head: Head): void {
    if (this.head !== null) this.scene.remove(this.head.scene);
    const first = this.head === null;
    this.head = head;
    this.scene.add(head.scene);
    const size = head.bounds.getSize(new Vector3());
    head.bounds.getCenter(this.controls.target);
    const distance = this.distanceFor(size);
    this.controls.minDistance = distance / 4;
    this.controls.maxDistance = distance * 2.5;
    if (first) this.look("quarter", false);
    this.draw();
  }

  setLook(look: Look, light: Light): void {
    this.light = light;
    // A heat map is read by its colours, so light from one side must not darken them much.
    this.key.intensity = look === "uncertainty" ? 1.2 : 2.4;
    this.sky.intensity = look === "uncertainty" ? 2.0 : light === "photo" || light === "front" ? 1.1 : 0.45;
    this.head?.show(look, light);
    this.draw();
  }

  /** Look through the photo's camera, or through the one that turns. */
  setPhoto(photo: { camera: GltfCamera; placement: Placement } | null): void {
    this.photo = photo;
    this.controls.enabled = photo === null;
    this.draw();
  }

  look(view: View, smooth = true): void {
    const [around, above] = VIEWS[view];
    const goal = new Spherical(1, MathUtils.degToRad(90 - above), MathUtils.degToRad(around));
    this.turnTo(goal, smooth && !matchMedia("(prefers-reduced-motion: reduce)").matches);
  }

  /** Turn by so many degrees around the head and above it. */
  turnBy(around: number, above: number): void {
    const now = this.spherical();
    now.theta += MathUtils.degToRad(around);
    now.phi = MathUtils.clamp(now.phi - MathUtils.degToRad(above), 0.05, Math.PI - 0.05);
    this.stopTurning();
    this.place(now);
  }

  /** Come nearer by a factor, or go away. */
  zoomBy(factor: number): void {
    const now = this.spherical();
    now.radius = MathUtils.clamp(now.radius / factor, this.controls.minDistance, this.controls.maxDistance);
    this.place(now);
  }

  /** Draw at the next frame, once. */
  draw(): void {
    this.pending ||= requestAnimationFrame(() => {
      this.pending = 0;
      this.drawNow();
    });
  }

  drawNow(): void {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (width === 0 || height === 0) return;
    this.fit(width, height);
    const camera = this.photo === null ? this.orbitCamera(width, height) : this.photoCamera(width, height);
    const turn = new Quaternion().setFromRotationMatrix(camera.matrixWorld);
    this.key.target.position.copy(this.controls.target);
    this.key.position
      .set(...KEYS[this.light])
      .applyQuaternion(turn)
      .add(this.controls.target);
    this.renderer.render(this.scene, camera);
  }

  /** Give the canvas as many pixels as it covers. Only if it has others, for that costs more than to draw. */
  private fit(width: number, height: number): void {
    const density = Math.min(devicePixelRatio, 2);
    const fits = this.canvas.width === Math.floor(width * density) && this.canvas.height === Math.floor(height * density);
    if (fits && this.renderer.getPixelRatio() === density) return;
    this.renderer.setPixelRatio(density);
    this.renderer.setSize(width, height, false);
  }

  private orbitCamera(width: number, height: number): Camera {
    this.orbit.aspect = width / height;
    this.orbit.updateProjectionMatrix();
    this.orbit.updateMatrixWorld();
    return this.orbit;
  }

  /** The photo's camera, so that the head lies on the stage where it lies in the picture behind it. */
  private photoCamera(width: number, height: number): Camera {
    const { camera, placement } = this.photo as { camera: GltfCamera; placement: Placement };
    const { lens, node } = camera;
    const [left, top, viewWidth, viewHeight] = lens.extras?.view_px ?? [0, 0, width, height];
    let made: OrthographicCamera | PerspectiveCamera;
    if (lens.orthographic !== undefined) {
      const { xmag, ymag, znear, zfar } = lens.orthographic;
      made = new OrthographicCamera(-xmag, xmag, ymag, -ymag, znear, zfar);
    } else {
      const { yfov, znear, zfar } = lens.perspective as NonNullable<typeof lens.perspective>;
      made = new PerspectiveCamera(MathUtils.radToDeg(yfov), viewWidth / viewHeight, znear, zfar ?? 100);
    }
    const { scale } = placement;
    made.setViewOffset(
      viewWidth * scale,
      viewHeight * scale,
      (placement.left - left) * scale,
      (placement.top - top) * scale,
      width,
      height,
    );
    made.matrixAutoUpdate = false;
    const place = new Matrix4().compose(
      new Vector3(...node.translation),
      new Quaternion(...node.rotation),
      new Vector3(1, 1, 1),
    );
    made.matrix.copy(place);
    made.updateMatrixWorld(true);
    return made;
  }

  private spherical(): Spherical {
    return new Spherical().setFromVector3(this.orbit.position.clone().sub(this.controls.target));
  }

  private place(at: Spherical): void {
    this.orbit.position.setFromSpherical(at).add(this.controls.target);
    this.orbit.lookAt(this.controls.target);
    this.controls.update();
    this.draw();
  }

  private turnTo(goal: Spherical, smooth: boolean): void {
    this.stopTurning();
    goal.radius = this.distanceFor(this.head?.bounds.getSize(new Vector3()) ?? new Vector3(0.2, 0.3, 0.2));
    if (!smooth) return this.place(goal);
    const from = this.spherical();
    // The short way around.
    from.theta = goal.theta + ((((from.theta - goal.theta) % 6.2832) + 9.4248) % 6.2832) - Math.PI;
    const began = performance.now();
    const step = (now: number): void => {
      const part = Math.min(1, (now - began) / TURN_MS);
      const eased = part * part * (3 - 2 * part);
      this.place(
        new Spherical(
          MathUtils.lerp(from.radius, goal.radius, eased),
          MathUtils.lerp(from.phi, goal.phi, eased),
          MathUtils.lerp(from.theta, goal.theta, eased),
        ),
      );
      this.turning = part < 1 ? requestAnimationFrame(step) : 0;
    };
    this.turning = requestAnimationFrame(step);
  }

  private stopTurning(): void {
    cancelAnimationFrame(this.turning);
    this.turning = 0;
  }

  /** How far away a box of that size fills the stage, from all sides. */
  private distanceFor(size: Vector3): number {
    const aspect = this.canvas.clientWidth / Math.max(1, this.canvas.clientHeight) || 1;
    const half = Math.tan(MathUtils.degToRad(FIELD_OF_VIEW_DEG / 2));
    return Math.max(0.47 * size.y, (0.55 * Math.max(size.x, size.z)) / aspect) / half + size.z / 2;
  }
}
