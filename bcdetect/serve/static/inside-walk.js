// A walk that the server holds: asked about piece by piece, each piece once; sent again where the server has let go of it.
import { askJson } from "./core.js";

const KEPT = 400; // answers

export class Walk {
  // `send` sends the input and gives the server's answer to it.
  constructor(send) {
    this.send = send;
    this.answers = new Map();
  }

  async open() {
    this.told = await this.send();
    this.layers = new Map(this.told.layers.map((layer) => [layer.name, layer]));
    return this;
  }

  layer(name) {
    return this.layers.get(name);
  }

  // An answer of /api/inside/{walk}/{what}.
  ask(what, parameters) {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(parameters)) for (const one of [value].flat()) query.append(name, one);
    const key = `${what}?${query}`;
    if (!this.answers.has(key)) {
      if (this.answers.size >= KEPT) this.answers.delete(this.answers.keys().next().value);
      const answer = this.fetched(key, true);
      this.answers.set(key, answer);
      answer.catch(() => this.answers.delete(key));
    }
    return this.answers.get(key);
  }

  async fetched(key, again) {
    try {
      return await askJson(`/api/inside/${this.told.walk}/${key}`);
    } catch (error) {
      if (!again || error.parts?.code !== "not_found") throw error;
      this.told = await this.send();
      return this.fetched(key, false);
    }
  }

  // How the numbers of a layer stand: in a row ("vector"), in columns of channels ("strip"), or as pictures ("plane").
  kind(name) {
    const places = this.places(name);
    if (!places.length) return "vector";
    return places.length === 1 || (places.length === 2 && places[1] === 1) ? "strip" : "plane";
  }

  places(name) {
    return this.layer(name).output_shape.slice(0, -1);
  }

  channels(name) {
    return this.layer(name).output_shape.at(-1);
  }

  // The feature that a place of a layer stands for, where the layer still has one place a feature.
  feature(name, place) {
    const { features } = this.told;
    const places = this.places(name);
    return places.length === 2 && features.length === places[0] ? features[place[0]] : null;
  }

  // Where a number stands, in words.
  where(name, place, channel) {
    if (!place.length) return `number ${channel}`;
    const feature = this.feature(name, place);
    const spot = this.kind(name) === "strip" ? `place ${place[0]}` : `place (${place.join(", ")})`;
    const words = feature ? `${spot} (${feature})` : spot;
    return this.channels(name) > 1 ? `${words}, channel ${this.channelName(name, channel)}` : words;
  }

  channelName(name, channel) {
    const sequence = name === "input" ? this.told.sequences[channel] : undefined;
    return sequence ? `${channel} ${sequence}` : String(channel);
  }
}
