/** The page of a result: a photo, its heads, and all that one can do with them. */
import { type Contents, embeddedBytes, embeddedSize, type Face, type GltfCamera, pictureUrl, readContents } from "./contents.ts";
import { byId, say } from "./dom.ts";
import { type Download, showDownloads } from "./downloads.ts";
import { Expressions } from "./expressions.ts";
import { Head } from "./head.ts";
import { type Keys, listen } from "./keys.ts";
import type { Light, Look } from "./looks.ts";
import { showNumbers } from "./numbers.ts";
import { faceItems, PhotoPane, showThumbs } from "./photo_pane.ts";
import { Player } from "./player.ts";
import { Stage, type View } from "./stage.ts";
import { listenToTheme, switchTheme } from "./theme.ts";
import { Wipe } from "./wipe.ts";

const LOOKS: readonly Look[] = ["textured", "clay", "wire", "normals", "uncertainty"];

class Page {
  private readonly contents: Contents;
  private readonly pane = new PhotoPane();
  private readonly wipe = new Wipe();
  private readonly stage: Stage | null;
  private readonly heads = new Map<string, Promise<Head>>();
  private readonly expressions = new Expressions((weights) => {
    this.player.pause();
    this.head?.setWeights(weights);
    this.stage?.draw();
  });
  private readonly player = new Player(() => {
    if (this.head?.apply()) this.expressions.follow(this.head.weights());
    this.stage?.draw();
  });
  private readonly lightChoice = byId("light", HTMLSelectElement);
  private head: Head | null = null;
  private face = 0;
  private photo = 0;
  private onPhoto = false;
  private wholePhoto = false;

  constructor(contents: Contents) {
    this.contents = contents;
    this.stage = contents.faces.length > 0 ? makeStage() : null;
    this.tellTitle();
    this.showPanes();
    this.listen();
    if (contents.photos.length > 0) this.showPhoto();
    void this.showFace(0);
  }

  private tellTitle(): void {
    const { title, status, reason, warnings } = this.contents;
    document.title = `${title} - monoface`;
    byId("title").textContent = title;
    byId("summary").textContent = status === "ok" ? reason : [status.replaceAll("_", " "), reason].filter(Boolean).join(": ");
    if (warnings.length > 0) notice(warnings.join("\n"));
  }

  private showPanes(): void {
    const { photos, faces } = this.contents;
    byId("photo-pane").hidden = photos.length === 0;
    byId("head-pane").hidden = faces.length === 0 || this.stage === null;
    byId("side").hidden = false;
    document.querySelector("main")?.classList.toggle("no-photo", photos.length === 0);
    document.querySelector("main")?.classList.toggle("no-head", this.stage === null);
  }

  private showPhoto(): void {
    const photo = this.contents.photos[this.photo];
    if (photo !== undefined) this.pane.show(photo);
    const items = this.contents.photos.map((one) => ({ label: one.name, photo: one, box: null }));
    showThumbs("photos", items, this.photo, (index) => this.choosePhoto(index));
  }

  /** Show another photo, and the first face that it shows. */
  private choosePhoto(index: number): void {
    this.photo = index;
    this.showPhoto();
    const face = this.contents.faces.findIndex((one) => one.photo === index);
    if (face >= 0) void this.showFace(face);
  }

  private async showFace(index: number): Promise<void> {
    const face = this.contents.faces[index];
    this.face = index;
    showNumbers(face ?? null);
    this.offerDownloads(null);
    if (face === undefined) return;
    if (face.photo !== null && face.photo !== this.photo) {
      this.photo = face.photo;
      this.showPhoto();
    }
    this.showFaces(face);
    if (this.stage === null) return;
    const head = await this.load(face);
    if (this.face !== index) return;
    this.head = head;
    this.stage.setHead(head);
    const weights = face.expression ?? head.filed;
    head.setWeights(weights);
    this.expressions.show(head.names, weights);
    this.player.show(head);
    this.offerLooks(head);
    this.offerDownloads(head);
    this.placeCamera();
    byId("loading").hidden = true;
    this.stage.drawNow();
    // What is measured as the time to the first picture.
    performance.mark("monoface-first-picture");
    document.documentElement.dataset.ready = String(index);
    say(`${face.label} shown`);
  }

  /** Faces of the photo that is shown, to choose from. */
  private showFaces(face: Face): void {
    const beside = this.contents.faces.filter((one) => one.photo === face.photo);
    showThumbs("faces", faceItems(this.contents, beside), beside.indexOf(face), (chosen) => {
      void this.showFace(this.contents.faces.indexOf(beside[chosen] as Face));
    });
  }

  private load(face: Face): Promise<Head> {
    let head = this.heads.get(face.model);
    if (head === undefined) {
      head = Head.load(embeddedBytes(face.model).buffer);
      head.catch((error: unknown) => notice(`${face.file_name} cannot be shown: ${String(error)}`));
      this.heads.set(face.model, head);
    }
    return head;
  }

  private offerLooks(head: Head): void {
    const uncertain = document.querySelector<HTMLInputElement>("#looks [value=uncertainty]");
    if (uncertain !== null) {
      uncertain.disabled = head.mostSigmaMm === null;
      if (uncertain.parentElement !== null) {
        uncertain.parentElement.title = uncertain.disabled ? "This file does not tell how sure it is." : "";
      }
      if (uncertain.disabled && uncertain.checked) this.chooseLook("textured");
    }
    const ofPhoto = this.lightChoice.options[0] as HTMLOptionElement;
    ofPhoto.disabled = !head.hasPhotoLight;
    if (ofPhoto.disabled && this.lightChoice.value === "photo") this.lightChoice.value = "front";
    this.drawLook();
  }

  private drawLook(): void {
    const look = (document.querySelector<HTMLInputElement>("#looks :checked")?.value ?? "textured") as Look;
    this.stage?.setLook(look, this.lightChoice.value as Light);
    byId("legend").hidden = look !== "uncertainty";
    byId("legend-high").textContent = `≥ ${this.head?.mostSigmaMm ?? 0} mm`;
    // Neither a wire nor a normal has a light.
    this.lightChoice.disabled = look === "wire" || look === "normals";
  }

  private chooseLook(look: Look): void {
    const input = document.querySelector<HTMLInputElement>(`#looks [value=${look}]`);
    if (input === null || input.disabled) return;
    input.checked = true;
    this.drawLook();
    say(`Look: ${look}`);
  }

  private get camera(): GltfCamera | null {
    return this.contents.faces[this.face]?.camera ?? this.head?.camera ?? null;
  }

  private placeCamera(): void {
    const photo = this.contents.photos[this.photo];
    const { camera } = this;
    const possible = photo !== undefined && camera !== null && this.contents.faces[this.face]?.photo === this.photo;
    byId("photo-camera").hidden = !possible;
    const on = possible && this.onPhoto;
    byId("photo-camera").setAttribute("aria-pressed", String(on));
    byId("whole-photo").hidden = !on;
    byId("whole-photo").setAttribute("aria-pressed", String(this.wholePhoto));
    if (!on) {
      this.wipe.hide();
      this.stage?.setPhoto(null);
      return;
    }
    const box = this.wholePhoto ? null : (this.contents.faces[this.face]?.report?.box_px ?? null);
    const placement = this.wipe.show(photo, pictureUrl(photo.picture), box);
    this.stage?.setPhoto({ camera, placement });
  }

  private togglePhotoCamera(): void {
    if (byId("photo-camera").hidden) return;
    this.onPhoto = !this.onPhoto;
    this.placeCamera();
    say(this.onPhoto ? "The photo's camera: drag to wipe" : "The turning camera");
  }

  private lookFrom(view: View): void {
    if (this.onPhoto) this.togglePhotoCamera();
    this.stage?.look(view);
    say(`View: ${view}`);
  }

  private offerDownloads(head: Head | null): void {
    const face = this.contents.faces[this.face];
    const { report } = this.contents;
    const offers: Download[] = [];
    if (face !== undefined) {
      const stem = face.file_name.replace(/\.glb$/i, "");
      offers.push({
        title: "Head",
        fileName: face.file_name,
        bytes: embeddedSize(face.model),
        content: async () => new Blob([embeddedBytes(face.model)], { type: "model/gltf-binary" }),
      });
      if (head !== null) {
        offers.push(
          { title: "Texture", fileName: `${stem}.texture.jpg`, bytes: null, content: () => head.texture() },
          { title: "Picture of the stage", fileName: `${stem}.view.png`, bytes: null, content: () => this.picture() },
        );
      }
    }
    if (report !== null) {
      const text = new Blob([`${JSON.stringify(report.values, null, 2)}\n`], { type: "application/json" });
      offers.splice(1, 0, { title: "Report", fileName: report.file_name, bytes: text.size, content: async () => text });
    }
    showDownloads(offers);
  }

  private picture(): Promise<Blob | null> {
    this.stage?.drawNow();
    return new Promise((resolve) => byId("canvas", HTMLCanvasElement).toBlob(resolve, "image/png"));
  }

  private listen(): void {
    listenToTheme();
    byId("looks").addEventListener("input", () => this.drawLook());
    this.lightChoice.addEventListener("input", () => this.drawLook());
    for (const button of document.querySelectorAll<HTMLButtonElement>("[data-view]")) {
      button.addEventListener("click", () => this.lookFrom(button.dataset.view as View));
    }
    byId("photo-camera").addEventListener("click", () => this.togglePhotoCamera());
    byId("whole-photo").addEventListener("click", () => {
      this.wholePhoto = !this.wholePhoto;
      this.placeCamera();
    });
    new ResizeObserver(() => this.onPhoto && this.placeCamera()).observe(byId("stage"));
    const help = byId("help", HTMLDialogElement);
    byId("show-help").addEventListener("click", () => help.showModal());
    const looks = Object.fromEntries(LOOKS.map((look, index) => [String(index + 1), () => this.chooseLook(look)]));
    const everywhere: Keys = {
      ...looks,
      f: () => this.lookFrom("front"),
      q: () => this.lookFrom("quarter"),
      l: () => this.lookFrom("left"),
      r: () => this.lookFrom("right"),
      p: () => this.togglePhotoCamera(),
      o: () => this.pane.toggleOverlay(),
      n: () => void this.showFace((this.face + 1) % Math.max(1, this.contents.faces.length)),
      t: switchTheme,
      " ": () => this.player.toggle(),
      "?": () => help.showModal(),
    };
    const turn = (around: number, above: number) => (): void => {
      if (this.onPhoto) this.wipe.nudge(Math.sign(around + above));
      else this.stage?.turnBy(around, above);
    };
    const onCanvas: Keys = {
      ArrowLeft: turn(-10, 0),
      ArrowRight: turn(10, 0),
      ArrowUp: turn(0, 10),
      ArrowDown: turn(0, -10),
      "+": () => this.stage?.zoomBy(1.15),
      "=": () => this.stage?.zoomBy(1.15),
      "-": () => this.stage?.zoomBy(1 / 1.15),
    };
    listen(everywhere, onCanvas, byId("canvas", HTMLCanvasElement));
  }
}

function makeStage(): Stage | null {
  try {
    return new Stage(byId("canvas", HTMLCanvasElement));
  } catch {
    notice("This browser has no WebGL, so the head cannot be shown in 3D. The photo, the numbers and the files are here.");
    return null;
  }
}

function notice(text: string): void {
  const element = byId("notice");
  element.hidden = false;
  element.textContent = text;
}

new Page(readContents());
