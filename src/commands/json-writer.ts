/** JSON of many values as bytes. */

const comma = 0x2c

/**
 * Writes values one by one into one buffer that is used again: the text of a whole page has two bytes a character as
 * soon as one of them is beyond Latin-1, and then costs twice as much to make and to encode.
 */
export class JsonWriter {
  #bytes = Buffer.allocUnsafeSlow(64 * 1024)

  /** `A,B,C` in UTF-8: the inside of a JSON array. */
  items(values: readonly unknown[]): Buffer {
    let end = 0
    for (const value of values) {
      const text = JSON.stringify(value)
      // A UTF-16 unit takes three bytes at most; `write` would cut off what finds no room.
      this.#makeRoom(end, text.length * 3 + 1)
      if (end > 0) this.#bytes[end++] = comma
      end += this.#bytes.write(text, end)
    }
    return Buffer.copyBytesFrom(this.#bytes, 0, end)
  }

  #makeRoom(end: number, wanted: number): void {
    if (end + wanted <= this.#bytes.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(end + wanted, this.#bytes.length * 2))
    this.#bytes.copy(larger, 0, 0, end)
    this.#bytes = larger
  }
}
