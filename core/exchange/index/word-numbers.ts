/** Word numbers: a small number for each word in use, so that number tables can refer to words. */

export class WordNumbers {
  readonly #numbers = new Map<string, number>();
  /** By number; empty if the number is free. */
  readonly #words: string[] = [];
  /** How often each number is in use. */
  readonly #uses: number[] = [];
  readonly #free: number[] = [];

  /** -1 if the word is not in use. */
  numberOf(word: string): number {
    return this.#numbers.get(word) ?? -1;
  }

  use(word: string): number {
    let number = this.numberOf(word);
    if (number < 0) {
      number = this.#free.pop() ?? this.#words.length;
      this.#numbers.set(word, number);
      this.#words[number] = word;
      this.#uses[number] = 0;
    }
    this.#uses[number]!++;
    return number;
  }

  release(number: number): void {
    if (--this.#uses[number]! > 0) return;
    this.#numbers.delete(this.#words[number]!);
    this.#words[number] = '';
    this.#free.push(number);
  }
}
