import { Button } from 'antd'
import { type ReactNode, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { copyText } from './copy.tsx'

/** Something that is shown once: a token, a login link. */
export function Secret({ label, text, children }: { label: string; text: string; children: ReactNode }) {
  const { t } = useTranslation()
  const [copied, setCopied] = useState<boolean | null>(null)
  const input = useRef<HTMLInputElement>(null)
  const copy = async () => {
    const done = await copyText(text)
    setCopied(done)
    if (!done) input.current?.select()
  }
  return (
    <div className="secret">
      <p>{children}</p>
      <div className="secret-line">
        <input
          ref={input}
          className="input"
          aria-label={label}
          readOnly
          value={text}
          onFocus={(event) => event.target.select()}
        />
        <Button type="primary" onClick={() => void copy()}>
          {copied ? t('login.copied') : t('login.copy')}
        </Button>
      </div>
      {copied === false && <p role="alert">{t('copy.failed')}</p>}
    </div>
  )
}
