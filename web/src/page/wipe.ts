/** The photo's camera: the head laid over the photo, with a wipe between them. */
import type { Photo } from "./contents.ts";
import { byId } from "./dom.ts";
import type { Placement } from "./stage.ts";

/** Room around a face, as a part of its box. */
const MARGIN = 0.55;
/** What an arrow key moves the wipe by, as a part of the stage. */
const STEP = 0.02;

export class Wipe {
  private readonly stage = byId("stage");
  private readonly canvas = byId("canvas", HTMLCanvasElement);
  private readonly handle = byId("wipe");
  private readonly picture = byId("backdrop-photo", HTMLImageElement);
  private part = 0.5;
  private on = false;

  constructor() {
    for (const element of [this.canvas, this.handle]) {
      element.addEventListener("pointerdown", (event) => {
        if (!this.on) return;
        element.setPointerCapture(event.pointerId);
        // Or a browser may take it for the beginning of a selection, and keep what follows for itself.
        event.preventDefault();
        this.follow(event);
      });
      element.addEventListener("pointermove", (event) => {
        if (this.on && event.buttons !== 0) this.follow(event);
      });
      // Where it was let go counts, also if the browser left out steps on the way.
      element.addEventListener("pointerup", (event) => {
        if (this.on) this.follow(event);
      });
    }
    this.handle.addEventListener("keydown", (event) => {
      const goal = {
        ArrowLeft: this.part - STEP,
        ArrowDown: this.part - STEP,
        ArrowRight: this.part + STEP,
        ArrowUp: this.part + STEP,
        Home: 0,
        End: 1,
      }[event.key];
      if (goal === undefined) return;
      event.preventDefault();
      event.stopPropagation();
      this.move(goal);
    });
  }

  /** Lay the photo behind the head; gives where it lies. */
  show(photo: Photo, url: string, box: readonly number[] | null): Placement {
    this.on = true;
    if (this.picture.src !== url) this.picture.src = url;
    const placement = placed(photo.size_px, box, this.stage.clientWidth, this.stage.clientHeight);
    const { left, top, scale } = placement;
    this.picture.style.width = `${photo.size_px[0]}px`;
    this.picture.style.height = `${photo.size_px[1]}px`;
    this.picture.style.transform = `scale(${scale}) translate(${-left}px, ${-top}px)`;
    this.reveal();
    return placement;
  }

  hide(): void {
    this.on = false;
    this.reveal();
  }

  move(part: number): void {
    this.part = Math.min(1, Math.max(0, part));
    this.reveal();
  }

  /** Move it by a step to the right, or to the left. */
  nudge(steps: number): void {
    this.move(this.part + steps * STEP);
  }

  private follow(event: PointerEvent): void {
    const { left, width } = this.stage.getBoundingClientRect();
    this.move((event.clientX - left) / width);
  }

  private reveal(): void {
    byId("backdrop").hidden = !this.on;
    this.handle.hidden = !this.on;
    this.stage.classList.toggle("photo-camera", this.on);
    const percent = Math.round(100 * this.part);
    this.canvas.style.clipPath = this.on ? `inset(0 0 0 ${100 * this.part}%)` : "";
    this.handle.style.left = `${100 * this.part}%`;
    this.handle.setAttribute("aria-valuenow", String(percent));
    this.handle.setAttribute("aria-valuetext", `${percent} % photo, ${100 - percent} % head`);
  }
}

/** Where a photo lies on a stage that shows all of it, or all of a box with room around. */
function placed(
  size: readonly [number, number],
  box: readonly number[] | null,
  width: number,
  height: number,
): Placement {
  let [left, top, right, bottom] = (box ?? [0, 0, ...size]) as [number, number, number, number];
  if (box !== null) {
    const margin = MARGIN * Math.max(right - left, bottom - top);
    [left, top, right, bottom] = [left - margin, top - margin, right + margin, bottom + margin];
  }
  const scale = Math.min(width / (right - left), height / (bottom - top));
  return {
    left: (left + right) / 2 - width / scale / 2,
    top: (top + bottom) / 2 - height / scale / 2,
    scale,
  };
}
