import type { ReactNode } from 'react'

function Icon({ children }: { children: ReactNode }) {
  return (
    <svg
      viewBox="0 0 20 20"
      width="18"
      height="18"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.6"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      {children}
    </svg>
  )
}

export const PlusIcon = () => (
  <Icon>
    <path d="M10 4.5v11M4.5 10h11" />
  </Icon>
)

export const CloseIcon = () => (
  <Icon>
    <path d="m6 6 8 8m0-8-8 8" />
  </Icon>
)

export const SplitIcon = () => (
  <Icon>
    <rect x="3" y="4" width="14" height="12" rx="1.5" />
    <path d="M10 4v12" />
  </Icon>
)

export const FindIcon = () => (
  <Icon>
    <circle cx="9" cy="9" r="4.5" />
    <path d="m12.5 12.5 4 4" />
  </Icon>
)

export const MoreIcon = () => (
  <Icon>
    <path d="M10 5v.1M10 10v.1M10 15v.1" strokeWidth="2.6" />
  </Icon>
)

export const UpIcon = () => (
  <Icon>
    <path d="m5 12 5-5 5 5" />
  </Icon>
)

export const DownIcon = () => (
  <Icon>
    <path d="m5 8 5 5 5-5" />
  </Icon>
)
