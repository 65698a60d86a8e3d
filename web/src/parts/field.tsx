import { type InputHTMLAttributes, type ReactNode, type SelectHTMLAttributes, useId } from 'react'

export interface Around {
  label: string
  hint?: ReactNode
  /** What is wrong with what was entered, and what to do. */
  error?: string | null | undefined
}

/** The ids by which a control names its hint and its error. */
export function useAround({ hint, error }: Pick<Around, 'hint' | 'error'>) {
  const id = useId()
  const described = [hint ? `${id}h` : '', error ? `${id}e` : ''].filter(Boolean).join(' ')
  return {
    id,
    control: {
      id,
      'aria-invalid': error ? true : undefined,
      'aria-describedby': described || undefined,
    },
  }
}

export function Frame({ id, label, hint, error, children }: Around & { id: string; children: ReactNode }) {
  return (
    <div className={error ? 'field wrong' : 'field'}>
      <label htmlFor={id}>{label}</label>
      {children}
      {error && (
        <p className="field-error" id={`${id}e`} role="alert">
          {error}
        </p>
      )}
      {hint && (
        <div className="field-hint" id={`${id}h`}>
          {hint}
        </div>
      )}
    </div>
  )
}

export function Field({
  label,
  hint,
  error,
  ...input
}: Around & Omit<InputHTMLAttributes<HTMLInputElement>, 'id'>) {
  const { id, control } = useAround({ hint, error })
  return (
    <Frame id={id} label={label} hint={hint} error={error}>
      <input className="input" {...input} {...control} />
    </Frame>
  )
}

export function Choice<T extends string>({
  label,
  hint,
  options,
  value,
  choose,
  ...select
}: Omit<Around, 'error'> & {
  options: Readonly<Record<T, string>>
  value: T
  choose: (value: T) => void
} & Omit<SelectHTMLAttributes<HTMLSelectElement>, 'id' | 'value' | 'onChange'>) {
  const { id, control } = useAround({ hint })
  return (
    <Frame id={id} label={label} hint={hint}>
      <select
        className="input"
        {...select}
        {...control}
        value={value}
        onChange={(event) => choose(event.target.value as T)}
      >
        {Object.entries<string>(options).map(([one, words]) => (
          <option key={one} value={one}>
            {words}
          </option>
        ))}
      </select>
    </Frame>
  )
}

/** Yes or no, with its words beside it. */
export function Toggle({
  label,
  hint,
  on,
  turn,
}: {
  label: string
  hint?: ReactNode
  on: boolean
  turn: (on: boolean) => void
}) {
  const { id, control } = useAround({ hint })
  return (
    <div className="field toggle">
      <input type="checkbox" {...control} checked={on} onChange={(event) => turn(event.target.checked)} />
      <label htmlFor={id}>{label}</label>
      {hint && (
        <div className="field-hint" id={`${id}h`}>
          {hint}
        </div>
      )}
    </div>
  )
}
