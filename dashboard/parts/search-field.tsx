/** Search field: a text by which a list is narrowed. */

interface Props {
  readonly value: string;
  readonly onChange: (value: string) => void;
}

export function SearchField({ value, onChange }: Props) {
  return (
    <label class="search">
      Search
      <input
        type="search"
        value={value}
        spellcheck={false}
        onInput={(event) => onChange(event.currentTarget.value)}
      />
    </label>
  );
}
