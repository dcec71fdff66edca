/** The photo with what was found in it, and small pictures to choose photos and faces by. */
import { type Contents, type Face, type Photo, pictureUrl } from "./contents.ts";
import { byId, make, say } from "./dom.ts";

/** Side of a small picture, in pixels of a screen with two of them to a point. */
const THUMB_PX = 120;
const AROUND_FACE = 0.3;

export class PhotoPane {
  private readonly overlay = byId("overlay", HTMLImageElement);
  private readonly on = byId("overlay-on", HTMLInputElement);
  private readonly opacity = byId("overlay-opacity", HTMLInputElement);

  constructor() {
    for (const input of [this.on, this.opacity]) input.addEventListener("input", () => this.drawOverlay());
  }

  show(photo: Photo): void {
    const picture = byId("photo", HTMLImageElement);
    picture.src = pictureUrl(photo.picture);
    picture.alt = `Photo ${photo.name}`;
    byId("photo-frame").style.aspectRatio = `${photo.size_px[0]} / ${photo.size_px[1]}`;
    this.overlay.hidden = photo.overlay === null;
    for (const input of [this.on, this.opacity]) input.disabled = photo.overlay === null;
    if (photo.overlay !== null) this.overlay.src = pictureUrl(photo.overlay);
    this.drawOverlay();
  }

  toggleOverlay(): void {
    this.on.click();
    say(this.on.checked ? "Overlay shown" : "Overlay hidden");
  }

  private drawOverlay(): void {
    this.overlay.style.opacity = this.on.checked ? this.opacity.value : "0";
    this.opacity.setAttribute("aria-valuetext", `${Math.round(100 * Number(this.opacity.value))} %`);
  }
}

/** A row of buttons, each with a small picture; hidden where there is nothing to choose. */
export function showThumbs(
  id: "photos" | "faces",
  items: readonly { label: string; photo: Photo | null; box: readonly number[] | null }[],
  chosen: number,
  choose: (index: number) => void,
): void {
  const row = byId(id);
  row.hidden = items.length < 2;
  if (row.childElementCount !== items.length) {
    row.replaceChildren(
      ...items.map(({ label, photo, box }, index) => {
        const button = make("button");
        button.type = "button";
        button.title = label;
        button.setAttribute("aria-label", label);
        const canvas = make("canvas");
        canvas.width = canvas.height = THUMB_PX;
        if (photo !== null) void drawThumb(canvas, photo, box);
        button.append(canvas);
        button.addEventListener("click", () => choose(index));
        return button;
      }),
    );
  }
  [...row.children].forEach((button, index) => button.setAttribute("aria-pressed", String(index === chosen)));
}

/** Faces as they are chosen: by their part of the photo. */
export function faceItems(contents: Contents, faces: readonly Face[]) {
  return faces.map((face) => ({
    label: face.label,
    photo: face.photo === null ? null : (contents.photos[face.photo] ?? null),
    box: face.report?.box_px ?? null,
  }));
}

async function drawThumb(canvas: HTMLCanvasElement, photo: Photo, box: readonly number[] | null): Promise<void> {
  const image = new Image();
  image.src = pictureUrl(photo.picture);
  await image.decode();
  const [left, top, right, bottom] = (box ?? [0, 0, ...photo.size_px]) as [number, number, number, number];
  const long = box === null ? Math.min(...photo.size_px) : (1 + AROUND_FACE) * Math.max(right - left, bottom - top);
  const zoom = image.naturalWidth / photo.size_px[0];
  canvas
    .getContext("2d")
    ?.drawImage(
      image,
      ((left + right - long) / 2) * zoom,
      ((top + bottom - long) / 2) * zoom,
      long * zoom,
      long * zoom,
      0,
      0,
      THUMB_PX,
      THUMB_PX,
    );
}
